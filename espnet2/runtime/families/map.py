"""Base of families whose models map speech to arrays by one graph: enhancement, diarisation, speakers, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from espnet2.interface.check import TOLERANCE, Check
from espnet2.interface.errors import BundleError
from espnet2.interface.graph import Graph
from espnet2.runtime.compare import difference
from espnet2.runtime.family import Components, Family, Run
from espnet2.runtime.map_model import MapModel, MapSection
from espnet2.runtime.mapper import Mapper
from espnet2.runtime.signals import reads_samples, speech_signals


class MapFamily(Family):
    """A family whose results are arrays; its graph, the one entry of `entries`, reads speech and its lengths.

    Attributes:
        mapper: Class from the model and the options to results.
        outputs: Number of outputs of the graph.
        tolerance: Of the values of results, when they are compared.
    """

    section: ClassVar[type[MapSection]] = MapSection
    mapper: ClassVar[type[Mapper]]
    outputs: ClassVar[int] = 1
    tolerance: ClassVar[float] = TOLERANCE

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

    def run(self, model: MapModel, options: Any) -> Run:
        """The function from speech to its result."""
        return self.mapper(model, options)

    def defaults(self, components: Components) -> dict[str, Any]:
        """The options where none are given."""
        return asdict(self.read_options({}))

    def signals(self, components: Components, section: Any, recordings: Sequence[str | Path]) -> dict[str, Any]:
        """Speech by name: the recordings, or noise where there are none."""
        return speech_signals(components[self.entry], section.sample_rate, recordings)

    def duration(self, components: Components, section: Any, signal: Any, result: Any) -> float | None:
        """Seconds of speech; None for features, the duration of whose frames is not known."""
        return len(signal) / section.sample_rate if reads_samples(components[self.entry]) else None

    def values(self, result: Any) -> Any:
        """The array of a result that is compared; default: the result itself."""
        return result

    def compare(self, expected: Any, found: Any, name: str) -> list[Check]:
        """Compare the arrays of two results, relative to values above 1."""
        distance = difference(self.values(expected), self.values(found))
        return [Check(self.subject, name, distance, self.tolerance)]
