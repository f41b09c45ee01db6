"""Speaker embeddings with PyTorch: `Speech2Embedding` with the arguments of upstream's class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.inference.arguments import set_threads
from espnet2.inference.prepare import prepare
from espnet2.interface.families import family_of
from espnet2.runtime.embed import embed
from espnet2.runtime.spk import Embedder, EmbeddingOptions
from espnet2.utils.upstream_options import require_dtype

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

FILES = {
    "train_config": "config.yaml of the speaker model",
    "model_file": "its weights",
    "model_tag": "packed model (file, directory or name on the Hugging Face hub), instead of these",
}


class Speech2Embedding(Embedder):
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
        from espnet2.inference.trained import load_trained

        require_dtype(dtype)
        options = EmbeddingOptions(batch_size)
        trained = load_trained(
            spk_train_config=train_config,
            spk_model_file=model_file,
            untrained=untrained,
            family=family_of("spk"),
            model_tag=None if model_tag is None else str(model_tag),
        )
        prepare(trained, str(device), dtype)
        self.trained = trained
        self.spk_model, self.spk_train_args = trained.model, trained.config
        self.device, self.dtype = str(device), dtype
        super().__init__(trained.runtime_model(options), options)

    def __call__(self, speech: Any) -> torch.Tensor:
        """The embedding (1, D) of one utterance, a tensor in main memory; see `Embedder`."""
        import torch

        return torch.from_numpy(super().__call__(speech))

    @classmethod
    def from_pretrained(cls, model_tag: Path | str | None = None, **options: Any) -> Self:
        """The model of a packed model: an archive, an unpacked directory, or its name on the Hugging Face hub."""
        return cls(model_tag=model_tag, **options)


def embed_recordings(args: argparse.Namespace) -> int:
    """Embed the recordings that the options name, with PyTorch; returns the exit status."""
    set_threads(args.num_threads)
    device = "cuda" if args.ngpu > 0 else "cpu"
    model = {name: getattr(args, name) for name in (*FILES, "dtype", "batch_size")}
    return embed(args, lambda: Speech2Embedding(**model, device=device, untrained=False))
