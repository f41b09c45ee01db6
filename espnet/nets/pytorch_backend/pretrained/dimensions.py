"""Sizes of the published Whisper models (Radford et al. 2022), by name or from a downloaded file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.pretrained.files import read_model

LARGEST, MOST_LAYERS = 1 << 20, 1000  # of sizes, and of numbers of layers, in a file


@dataclass(frozen=True)
class WhisperDimensions:
    """Sizes, as files of OpenAI's package name them.

    Attributes:
        n_mels: F.
        n_audio_ctx, n_text_ctx: positions that the tables of encoder and decoder hold.
        n_audio_state, n_audio_head, n_audio_layer: D, H and layers of the encoder.
        n_text_state, n_text_head, n_text_layer: those of the decoder.
        n_vocab: V.
    """

    n_mels: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_vocab: int
    n_text_ctx: int
    n_text_state: int
    n_text_head: int
    n_text_layer: int


def _published(
    size: int, heads: int, layers: int, vocab: int = 51865, mels: int = 80, text_layers: int | None = None
) -> WhisperDimensions:
    text_layers = layers if text_layers is None else text_layers
    return WhisperDimensions(mels, 1500, size, heads, layers, vocab, 448, size, heads, text_layers)


_ENGLISH = 51864
_TURBO = _published(1280, 20, 32, 51866, 128, 4)
PUBLISHED = {
    "tiny": _published(384, 6, 4),
    "tiny.en": _published(384, 6, 4, _ENGLISH),
    "base": _published(512, 8, 6),
    "base.en": _published(512, 8, 6, _ENGLISH),
    "small": _published(768, 12, 12),
    "small.en": _published(768, 12, 12, _ENGLISH),
    "medium": _published(1024, 16, 24),
    "medium.en": _published(1024, 16, 24, _ENGLISH),
    "large-v1": _published(1280, 20, 32),
    "large-v2": _published(1280, 20, 32),
    "large-v3": _published(1280, 20, 32, 51866, 128),
    # The sizes this name had when ESPnet's models were trained: 80 mel bands for every model.
    "large": _published(1280, 20, 32),
    "large-v3-turbo": _TURBO,
    "turbo": _TURBO,
}


def whisper_model(name: str, download_dir: str | None) -> tuple[WhisperDimensions, dict[str, Tensor] | None]:
    """Sizes of model `name`, and its weights where `download_dir` holds its file; nothing is downloaded.

    Raises:
        ValueError: an unknown name, or a file that is no Whisper model.
    """
    sizes = choose("whisper_model", name, PUBLISHED)
    path = Path(download_dir or os.path.expanduser("~/.cache/whisper")) / f"{name}.pt"
    if not path.is_file():
        return sizes, None
    kind = "a Whisper model with dims and model_state_dict"
    content = read_model(path, kind)
    parts = content.get("dims"), content.get("model_state_dict")
    if not isinstance(parts[0], Mapping) or not isinstance(parts[1], Mapping):
        raise ValueError(f"{path}: expected {kind}, found something else")
    if parts[0].keys() != sizes.__dict__.keys():
        raise ValueError(f"{path}: expected dims {', '.join(sizes.__dict__)}, found {', '.join(map(str, parts[0]))}")
    for name, size in parts[0].items():
        most = MOST_LAYERS if name.endswith("layer") else LARGEST
        if type(size) is not int or not 0 < size <= most:
            raise ValueError(f"{path}: expected a size from 1 to {most} as {name}, found {str(size)[:40]}")
    return WhisperDimensions(**parts[0]), dict(parts[1])


def weights_of(weights: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Select the weights whose key starts with `part`, and remove that prefix."""
    return {key.removeprefix(part): value for key, value in weights.items() if key.startswith(part)}
