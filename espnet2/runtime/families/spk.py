"""Speaker embeddings: a vector for each recording, close to those of other recordings of the same speaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from espnet2.runtime.families.map import MapFamily
from espnet2.runtime.spk import Embedder, EmbeddingOptions


class SpeakerEmbedding(MapFamily):
    """Speaker models, whose results are those of `espnet2.runtime.Speech2Embedding`."""

    subject = "speaker embedding"
    options = EmbeddingOptions
    mapper = Embedder
    entries: ClassVar[Mapping[str, str]] = {"embedding": "Speech2Embedding"}


SPK = SpeakerEmbedding()
