"""Classification of recordings with PyTorch: `Classification` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import set_threads
from espnet2.inference.mapper import TrainedMapper
from espnet2.runtime.cls import Classified, Classifier, ClassOptions
from espnet2.runtime.cls_command import classify

if TYPE_CHECKING:
    import torch

FILES = {
    "classification_train_config": "config.yaml of the classifier",
    "classification_model_file": "its weights",
    "model_tag": "packed model (file, directory or name on the Hugging Face hub), instead of these",
}


class Classification(TrainedMapper, Classifier):
    """Classes of recordings by a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        classification_train_config: config.yaml of the classifier.
        classification_model_file: Its weights; None, without a packed model either: see `untrained`.
        device: Where PyTorch computes.
        batch_size: Utterances that `batch` computes together.
        dtype: In which floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        model_tag: A packed model (file, directory or name on the Hugging Face hub), instead of config and weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.

    Raises:
        OptionError: An option has a value that is not allowed.
        EspnetError: A file cannot be used.
    """

    task = "cls"

    def __init__(
        self,
        classification_train_config: Path | str | None = None,
        classification_model_file: Path | str | None = None,
        device: str | torch.device = "cpu",
        batch_size: int = 1,
        dtype: str = "float32",
        *,
        model_tag: Path | str | None = None,
        untrained: bool = True,
    ) -> None:
        super().__init__(
            classification_train_config,
            classification_model_file,
            ClassOptions(batch_size),
            device,
            dtype,
            model_tag=model_tag,
            untrained=untrained,
        )
        self.classification_model, self.classification_train_args = self.trained.model, self.trained.config

    def __call__(self, speech: Any) -> tuple[list[int], torch.Tensor, str]:
        """The numbers of the classes of one recording, the probability of every class (C,), and its classes' names."""
        import torch

        found: Classified = super().__call__(speech)
        return found.token_int, torch.from_numpy(found.scores), found.text


def classify_recordings(args: argparse.Namespace) -> int:
    """Classify the recordings that the options name, with PyTorch; returns the exit status."""
    set_threads(args.num_threads)
    model: dict[str, Any] = {name: getattr(args, name) for name in (*FILES, "dtype", "batch_size")}
    device = "cuda" if args.ngpu > 0 else "cpu"
    return classify(args, lambda: Classification(**model, device=device, untrained=False))
