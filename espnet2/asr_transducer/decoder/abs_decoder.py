"""What every prediction network of a transducer offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.cache import hypotheses
from espnet2.runtime import spec


class AbsDecoder(nn.Module, ABC):
    """Base of decoders, which read labels alone. A search drives one through its graph (`Prefixes`).

    The graph is the method `step`, which reads the last label of every hypothesis. It gets tokens (B, beam) int64 and,
    where there are states, parents (B, beam) int64, which hypothesis of the step before each continues, and the states,
    (layers, B, parent, ...) each and zeros before the first step. It returns (B, beam, D) and the next states.

    Attributes:
        vocab_size: V, with the blank.
        output_size: D.
    """

    vocab_size: int
    output_size: int
    # Sizes that the states' own axes have before the first step.
    initial: ClassVar[Mapping[str, int]] = {"parent": 1}

    @abstractmethod
    def forward(self, labels: Tensor) -> Tensor:
        """Read known labels: (B, U) int64, the blank first → (B, U, D)."""

    @abstractmethod
    def states(self) -> dict[str, tuple[spec.Axis, ...]]:
        """The axes of each state, in the order of `step`: (layers, "batch", "parent", ...)."""

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_step`: what the labels so far predict."""
        states = self.states()
        component = spec.Component(
            name="decoder_step",
            method="step",
            inputs=hypotheses(self.vocab_size)[: 2 if states else 1],
            outputs=(spec.Tensor("decoder_out", ("batch", "beam", self.output_size)),),
            states=tuple(
                spec.State(spec.Tensor(name, axes), spec.Tensor(f"next_{name}", tuple(map(_after, axes))))
                for name, axes in states.items()
            ),
            initial=self.initial,
        )
        return (component,)


def _after(axis: spec.Axis) -> spec.Axis:
    """What an axis of a state is after the step."""
    return {"parent": "beam"}.get(axis, axis) if isinstance(axis, str) else axis
