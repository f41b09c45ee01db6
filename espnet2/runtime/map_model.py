"""A model that maps speech to arrays by one graph: enhancement, diarisation, speakers, languages.

The section of such a bundle:

    sample_rate: 16000                  Hz
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet.nets.tensors import as_array
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.section import Section, require
from espnet2.runtime.speech import padded


@dataclass(frozen=True)
class MapSection(Section):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    sample_rate: int

    def __post_init__(self) -> None:
        rate = self.sample_rate
        require(type(rate) is int and rate > 0, "sample_rate", "a rate in Hz", rate)


@dataclass(frozen=True)
class MapModel:
    """Graph and section."""

    graph: Graph
    section: Any

    @property
    def component(self) -> Component:
        """Interface of the graph."""
        return self.graph.component

    def outputs(self, speeches: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name of checked utterances that go through the graph as one batch."""
        results = self.graph(padded(speeches, self.component))
        return {tensor.name: as_array(results[tensor.name]) for tensor in self.component.outputs}
