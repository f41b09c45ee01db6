"""Detection of spoofed speech, over a graph that onnxruntime or PyTorch runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from espnet2.runtime.mapper import BundleMapper, MapOptions, Mapper


@dataclass(frozen=True)
class SpoofOptions(MapOptions):
    """Options of inference; raises `OptionError` for a value that is not allowed."""

    purpose = "detection"


class SpoofDetector(Mapper):
    """Scores of speech, high for what training labelled 1; see `Mapper`."""

    def result(self, outputs: Mapping[str, np.ndarray]) -> float:
        """The score."""
        return float(outputs["score"])


class SpeechAntiSpoof(BundleMapper, SpoofDetector):
    """Scores of speech from a bundle, without PyTorch; options are those of `SpoofOptions`."""

    task = "asvspoof"
