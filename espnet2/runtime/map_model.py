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
from espnet2.interface.errors import AudioError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.memory import GB, attention_memory, usable_memory
from espnet2.runtime.section import Section, require_rate
from espnet2.runtime.speech import checked, padded


@dataclass(frozen=True)
class MapSection(Section):
    """The section of `bundle.yaml`; see the module's description. Raises `BundleError` for values of the wrong kind."""

    sample_rate: int

    def __post_init__(self) -> None:
        require_rate(self.sample_rate)


@dataclass(frozen=True)
class MapModel:
    """Graph and section."""

    graph: Graph
    section: Any

    @property
    def component(self) -> Component:
        """Interface of the graph."""
        return self.graph.component

    def memory(self, steps: int) -> int:
        """Bytes that attention takes for an utterance of so many samples, or frames."""
        rules = (rule for rule in self.component.lengths if rule.source == self.component.inputs[0].axes[1])
        frames = max((rule.length(steps) for rule in rules), default=steps)
        return attention_memory(self.component.attribute("attention_heads", 0), frames)

    def check(self, speech: Any, name: str = "speech") -> np.ndarray:
        """Speech as the graph takes it, in float32; errors call it `name`. See `espnet2.runtime.speech.checked`.

        Raises:
            AudioError: As `checked`, and for speech that is longer than the graph reads, or than memory allows.
        """
        array, unit = checked(speech, self.component, name), self.component.inputs[0].axes[1]
        steps, longest = len(array), self.component.longest
        if longest and steps > longest:
            raise AudioError(f"{name}: expected at most {longest} {unit}, as many as the model reads, found {steps}")
        needed, limit = self.memory(steps), usable_memory()
        if needed > limit:
            raise AudioError(
                f"{name}: expected speech that {limit / GB:.3g} GB of memory are enough for, found {steps} {unit}, "
                f"which would take about {needed / GB:.3g} GB"
            )
        return array

    def outputs(self, speeches: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name of checked utterances that go through the graph as one batch."""
        results = self.graph(padded(speeches, self.component))
        return {tensor.name: as_array(results[tensor.name]) for tensor in self.component.outputs}
