"""Language identification: the closest languages of each recording, and its embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.errors import BundleError
from espnet2.runtime.families.map import MapFamily
from espnet2.runtime.family import Components
from espnet2.runtime.lid import LanguageMapper, LanguageOptions, Languages, LanguageSection


class LanguageIdentification(MapFamily):
    """Language identifiers, whose results are those of `espnet2.runtime.Speech2Lang`."""

    subject = "language identification"
    section = LanguageSection
    options = LanguageOptions
    mapper = LanguageMapper
    outputs = 2
    entries: ClassVar[Mapping[str, str]] = {"language": "Speech2Lang"}

    def require_usable(self, components: Components, section: Any) -> None:
        """Check for the component, and that it scores as many languages as the section names."""
        super().require_usable(components, section)
        scores = components[self.entry].outputs[0].axes[-1]
        if scores != len(section.languages):
            raise BundleError(f"languages: expected {scores}, as the graph scores, found {len(section.languages)}")

    def checked_options(self, components: Components, section: Any, bounded: bool) -> tuple[Any, Any]:
        """Options with which every language has a score."""
        options = LanguageOptions(nbest=len(section.languages))
        return options, options

    def values(self, result: Languages) -> np.ndarray:
        """The scores, in the order of the languages' names."""
        return np.array([score for _, score in sorted(result)])


LID = LanguageIdentification()
