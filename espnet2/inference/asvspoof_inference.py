"""Detection of spoofed speech with PyTorch: `SpeechAntiSpoof` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import set_threads
from espnet2.inference.mapper import TrainedMapper
from espnet2.runtime.asvspoof import SpoofDetector, SpoofOptions
from espnet2.runtime.asvspoof_command import detect

if TYPE_CHECKING:
    import torch

FILES = {
    "asvspoof_train_config": "config.yaml of the detector of spoofed speech",
    "asvspoof_model_file": "its weights",
    "model_tag": "packed model (file, directory or name on the Hugging Face hub), instead of these",
}


class SpeechAntiSpoof(TrainedMapper, SpoofDetector):
    """Scores of speech by a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        asvspoof_train_config: config.yaml of the detector of spoofed speech.
        asvspoof_model_file: Its weights; None, without a packed model either: see `untrained`.
        device: Where PyTorch computes.
        batch_size: Utterances that `batch` computes together.
        dtype: In which floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        model_tag: A packed model (file, directory or name on the Hugging Face hub), instead of config and weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.

    Raises:
        OptionError: An option has a value that is not allowed.
        EspnetError: A file cannot be used.
    """

    task = "asvspoof"

    def __init__(
        self,
        asvspoof_train_config: Path | str | None = None,
        asvspoof_model_file: Path | str | None = None,
        device: str | torch.device = "cpu",
        batch_size: int = 1,
        dtype: str = "float32",
        *,
        model_tag: Path | str | None = None,
        untrained: bool = True,
    ) -> None:
        super().__init__(
            asvspoof_train_config,
            asvspoof_model_file,
            SpoofOptions(batch_size),
            device,
            dtype,
            model_tag=model_tag,
            untrained=untrained,
        )
        self.asvspoof_model, self.asvspoof_train_args = self.trained.model, self.trained.config


def detect_in_recordings(args: argparse.Namespace) -> int:
    """Score the recordings that the options name, with PyTorch; returns the exit status."""
    set_threads(args.num_threads)
    model: dict[str, Any] = {name: getattr(args, name) for name in (*FILES, "dtype", "batch_size")}
    device = "cuda" if args.ngpu > 0 else "cpu"
    return detect(args, lambda: SpeechAntiSpoof(**model, device=device, untrained=False))
