"""Speaker embeddings, over a graph that onnxruntime or PyTorch runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2.runtime.mapper import BundleMapper, MapOptions, Mapper


@dataclass(frozen=True)
class EmbeddingOptions(MapOptions):
    """Options of inference; raises `OptionError` for a value that is not allowed."""

    purpose = "embedding"


class Embedder(Mapper):
    """Speaker embeddings of speech; see `Mapper`."""

    def result(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The embedding (D,)."""
        return outputs["embedding"]

    def __call__(self, speech: Any) -> Any:
        """The embedding (1, D), float32, of one utterance; it is not normalised. See `Mapper.__call__`."""
        return super().__call__(speech)[None]

    def batch(self, speech: Any, speech_lengths: Any = None) -> np.ndarray:
        """Embeddings (B, D), float32, of several utterances. See `Mapper.batch`."""
        return np.stack(super().batch(speech, speech_lengths))

    def embed(self, speeches: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings (B, D) of utterances that `check` gave, as one batch, or several where memory allows no more."""
        return self.compute(speeches)["embedding"]


class Speech2Embedding(BundleMapper, Embedder):
    """Speaker embeddings from a bundle, without PyTorch; options are those of `EmbeddingOptions`."""

    task = "spk"


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two embeddings, (D,) or (1, D): 1 for the same direction, about 0 for strangers."""
    a, b = np.ravel(first).astype(np.float64), np.ravel(second).astype(np.float64)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else 0.0
