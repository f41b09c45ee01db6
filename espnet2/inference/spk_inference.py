"""Speaker embeddings with PyTorch: `Speech2Embedding` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import set_threads
from espnet2.inference.mapper import TrainedMapper
from espnet2.runtime.embed import embed
from espnet2.runtime.spk import Embedder, EmbeddingOptions

if TYPE_CHECKING:
    import torch

FILES = {
    "train_config": "config.yaml of the speaker model",
    "model_file": "its weights",
    "model_tag": "packed model (file, directory or name on the Hugging Face hub), instead of these",
}


class Speech2Embedding(TrainedMapper, Embedder):
    """Speaker embeddings from a trained model, on PyTorch, with the arguments of upstream's class of this name.

    Args:
        train_config: config.yaml of the speaker model.
        model_file: Its weights; None, without a packed model either: see `untrained`, True as in upstream.
        device: Where PyTorch computes.
        dtype: In which floating point numbers: `float32`, `float64`, `bfloat16` or `float16`.
        batch_size: Utterances that `batch` computes together.
        model_tag: A packed model (file, directory or name on the Hugging Face hub), instead of config and weights.
        untrained: Take random weights, with a warning, of a config that has none; False: raise an error.

    Raises:
        OptionError: An option has a value that is not allowed.
        EspnetError: A file cannot be used.
    """

    task = "spk"

    def __init__(
        self,
        train_config: Path | str | None = None,
        model_file: Path | str | None = None,
        device: str | torch.device = "cpu",
        dtype: str = "float32",
        batch_size: int = 1,
        *,
        model_tag: Path | str | None = None,
        untrained: bool = True,
    ) -> None:
        options = EmbeddingOptions(batch_size)
        super().__init__(train_config, model_file, options, device, dtype, model_tag=model_tag, untrained=untrained)
        self.spk_model, self.spk_train_args = self.trained.model, self.trained.config

    def __call__(self, speech: Any) -> torch.Tensor:
        """The embedding (1, D) of one utterance, a tensor in main memory; see `Embedder`."""
        import torch

        return torch.from_numpy(super().__call__(speech))


def embed_recordings(args: argparse.Namespace) -> int:
    """Embed the recordings that the options name, with PyTorch; returns the exit status."""
    set_threads(args.num_threads)
    device = "cuda" if args.ngpu > 0 else "cpu"
    model = {name: getattr(args, name) for name in (*FILES, "dtype", "batch_size")}
    return embed(args, lambda: Speech2Embedding(**model, device=device, untrained=False))
