"""Base of families whose models map speech to arrays by one graph: enhancement, diarisation, speakers, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.check import TOLERANCE, Check
from espnet2.interface.errors import BundleError
from espnet2.interface.graph import Graph
from espnet2.runtime.compare import difference
from espnet2.runtime.family import Components, Family
from espnet2.runtime.map_model import MapModel, MapSection
from espnet2.runtime.signals import reads_samples, speech_signals


class MapFamily(Family):
    """A family whose results are arrays; its graph, the one entry of `entries`, reads speech and its lengths."""

    section = MapSection
    outputs: ClassVar[int] = 1  # of the graph
    tolerance: ClassVar[float] = TOLERANCE  # of the values of results

    @property
    def entry(self) -> str:
        """Name of the component."""
        (name,) = self.entries
        return name

    def require_usable(self, components: Components, section: Any) -> None:
        """Check for the component, and that it reads speech and lengths."""
        self.require_entry(components, self.entry)
        component = components[self.entry]
        if len(component.inputs) != 2 or len(component.outputs) != self.outputs or component.states:
            raise BundleError(f"{self.entry}: expected the inputs and outputs of that component, found others")

    def model(self, graphs: Mapping[str, Graph], section: Any, files: Mapping[str, Path], options: Any) -> MapModel:
        """The graph with its section."""
        return MapModel(graphs[self.entry], section)

    def signals(self, components: Components, section: Any, recordings: Sequence[str | Path]) -> dict[str, Any]:
        """Speech by name: the recordings, or noise where there are none."""
        return speech_signals(components[self.entry], section.sample_rate, recordings)

    def duration(self, components: Components, section: Any, signal: Any, result: Any) -> float | None:
        """Seconds of speech; None for features, the duration of whose frames is not known."""
        return len(signal) / section.sample_rate if reads_samples(components[self.entry]) else None

    def compare(self, expected: Any, found: Any, name: str) -> list[Check]:
        """Compare two arrays, relative to values above 1."""
        return [Check(self.subject, name, difference(expected, found), self.tolerance)]
