"""Classification of recordings, over a graph that onnxruntime or PyTorch runs.

The section of such a bundle:

    sample_rate: 16000                  Hz
    classes: [cat, dog]                 in the order of the graph's scores
    several: false                      whether a recording may have any number of classes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from espnet2.runtime.map_model import MapSection
from espnet2.runtime.mapper import BundleMapper, MapOptions, Mapper
from espnet2.runtime.section import is_list_of, require

THRESHOLD = 0.5  # of the probability of a class, among several


@dataclass(frozen=True)
class ClassSection(MapSection):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    classes: list[str]
    several: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        require(is_list_of(self.classes, str) and len(self.classes) > 0, "classes", "a list of names", self.classes)
        require(type(self.several) is bool, "several", "true or false", self.several)


@dataclass(frozen=True)
class ClassOptions(MapOptions):
    """Options of inference; raises `OptionError` for a value that is not allowed."""

    purpose = "classification"


class Classified(NamedTuple):
    """The numbers of the classes of a recording, the probability of every class (C,), and the names of its classes."""

    token_int: list[int]
    scores: np.ndarray
    text: str


class Classifier(Mapper):
    """Classes of recordings; see `Mapper`."""

    def result(self, outputs: Mapping[str, np.ndarray]) -> Classified:
        """The most probable class; of a model of several classes, those of a probability above 0.5."""
        scores, section = outputs["scores"], self.model.section
        found = np.flatnonzero(scores > THRESHOLD).tolist() if section.several else [int(scores.argmax())]
        return Classified(found, scores, " ".join(section.classes[number] for number in found))


class Classification(BundleMapper, Classifier):
    """Classes of recordings from a bundle, without PyTorch; options are those of `ClassOptions`."""

    task = "cls"
