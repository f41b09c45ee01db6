"""Speaker embeddings: a vector for each recording, close to those of other recordings of the same speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from espnet2.runtime.families.map import MapFamily
from espnet2.runtime.family import Components, Run
from espnet2.runtime.map_model import MapModel
from espnet2.runtime.spk import Embedder, EmbeddingOptions


class SpeakerEmbedding(MapFamily):
    """Speaker models, whose results are those of `espnet2.runtime.Speech2Embedding`."""

    subject = "speaker embedding"
    options = EmbeddingOptions
    entries: ClassVar[Mapping[str, str]] = {"embedding": "Speech2Embedding"}

    def run(self, model: MapModel, options: EmbeddingOptions) -> Run:
        """The function from speech to its embedding (1, D)."""
        return Embedder(model, options)

    def defaults(self, components: Components) -> dict[str, Any]:
        """The options where none are given."""
        return asdict(EmbeddingOptions())


SPK = SpeakerEmbedding()
