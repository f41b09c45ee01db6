"""Identification of languages by embeddings, over a graph that onnxruntime or PyTorch runs.

The section of such a bundle:

    sample_rate: 16000                  Hz
    languages: [deu, eng]               in the order of the graph's scores
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from espnet2.runtime import section
from espnet2.runtime.map_model import MapSection
from espnet2.runtime.mapper import BundleMapper, MapOptions, Mapper
from espnet2.runtime.option_fields import is_integer, option, require

Languages = list[tuple[str, float]]  # names and scores, best first


@dataclass(frozen=True)
class LanguageSection(MapSection):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    languages: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        section.require(
            section.is_list_of(self.languages, str) and len(self.languages) > 0,
            "languages",
            "a list of names",
            self.languages,
        )


@dataclass(frozen=True)
class LanguageOptions(MapOptions):
    """Options of inference; raises `OptionError` for a value that is not allowed."""

    purpose = "identification"

    nbest: int = option(1, "languages of each recording")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(is_integer(self.nbest) and self.nbest >= 1, "nbest", "an integer of at least 1", self.nbest)


class Identified(NamedTuple):
    """The closest languages of an utterance, best first, and its embedding (D,)."""

    languages: Languages
    embedding: np.ndarray


class LanguageMapper(Mapper):
    """Languages of speech; see `Mapper`.

    The score of a language is the cosine of the angle between the utterance's embedding and the language's direction.
    """

    def result(self, outputs: Mapping[str, np.ndarray]) -> Identified:
        """The closest languages, and the embedding."""
        scores, names = outputs["scores"], self.model.section.languages
        best = np.argsort(-scores, kind="stable")[: self.options.nbest]
        return Identified([(names[place], float(scores[place])) for place in best], outputs["embedding"])

    def __call__(self, speech: Any) -> Languages:
        """The closest languages of one utterance with their scores, best first. See `Mapper.__call__`."""
        found: Identified = super().__call__(speech)
        return found.languages

    def batch(self, speech: Any, speech_lengths: Any = None) -> list[Languages]:
        """The closest languages of several utterances. See `Mapper.batch`."""
        return [found.languages for found in super().batch(speech, speech_lengths)]

    def embed(self, speech: Any) -> np.ndarray:
        """The embedding (1, D), float32, of one utterance. See `Mapper.__call__`."""
        return self.compute([self.check(speech)])["embedding"]


class Speech2Lang(BundleMapper, LanguageMapper):
    """Languages of speech from a bundle, without PyTorch; options are those of `LanguageOptions`."""

    task = "lid"
