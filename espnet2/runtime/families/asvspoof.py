"""Detection of spoofed speech: a score for each recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from espnet2.runtime.asvspoof import SpoofDetector, SpoofOptions
from espnet2.runtime.families.map import MapFamily


class SpoofDetection(MapFamily):
    """Detectors, whose results are those of `espnet2.runtime.SpeechAntiSpoof`."""

    subject = "detection of spoofed speech"
    options = SpoofOptions
    mapper = SpoofDetector
    entries: ClassVar[Mapping[str, str]] = {"score": "SpeechAntiSpoof"}


ASVSPOOF = SpoofDetection()
