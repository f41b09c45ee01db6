"""Classification: the classes of each recording, and their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from espnet2.interface.errors import BundleError
from espnet2.runtime.cls import Classified, Classifier, ClassOptions, ClassSection
from espnet2.runtime.families.map import MapFamily
from espnet2.runtime.family import Components


class ClassificationFamily(MapFamily):
    """Classifiers, whose results are those of `espnet2.runtime.Classification`."""

    subject = "classification"
    section = ClassSection
    options = ClassOptions
    mapper = Classifier
    entries: ClassVar[Mapping[str, str]] = {"classes": "Classification"}

    def require_usable(self, components: Components, section: Any) -> None:
        """Check for the component, and that it scores as many classes as the section names."""
        super().require_usable(components, section)
        scores = components[self.entry].outputs[0].axes[-1]
        if scores != len(section.classes):
            raise BundleError(f"classes: expected {scores}, as the graph scores, found {len(section.classes)}")

    def values(self, result: Classified) -> np.ndarray:
        """The probabilities."""
        return result.scores


CLS = ClassificationFamily()
