"""Base class of prediction networks of transducers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.cache import continued, entries_of, hypotheses, stacked
from espnet2.interface import spec

# Axes of the states after a step.
AFTER = {"parent": "beam", "past": "past+1"}


class AbsDecoder(nn.Module, ABC):
    """Base of decoders, which read labels only. A search calls a decoder through its graph (`Prefixes`).

    The graph is the method `step`, which processes the last label of every hypothesis. Its inputs are tokens (B, beam)
    int64 and, for decoders with states, parents (B, beam) int64, the index of the hypothesis that each continues, and
    the states, (layers, B, parent, ...) each and zeros before the first step. It returns (B, beam, D) and the next
    states.

    Attributes:
        vocab_size: V, with the blank.
        output_size: D.
    """

    vocab_size: int
    output_size: int
    # Sizes of the states' own axes before the first step.
    initial: ClassVar[Mapping[str, int]] = {"parent": 1}

    @abstractmethod
    def forward(self, labels: Tensor) -> Tensor:
        """Process known labels: (B, U) int64, the blank first → (B, U, D)."""

    @abstractmethod
    def states(self) -> tuple[spec.Tensor, ...]:
        """States of `step`, in order: (layers, "batch", "parent", ...)."""

    def components(self) -> tuple[spec.Component, ...]:
        """`decoder_step`: the output of the prediction network after the labels so far."""
        states = self.states()
        component = spec.Component(
            name="decoder_step",
            method="step",
            inputs=hypotheses(self.vocab_size)[: 2 if states else 1],
            outputs=(spec.Tensor("decoder_out", ("batch", "beam", self.output_size)),),
            states=tuple(spec.State(state, _after(state)) for state in states),
            initial=self.initial,
        )
        return (component,)


def _after(state: spec.Tensor) -> spec.Tensor:
    """The state that `step` returns."""
    axes = tuple(AFTER.get(axis, axis) if isinstance(axis, str) else axis for axis in state.axes)
    return spec.Tensor(f"next_{state.name}", axes, state.dtype)


def label_embedding(vocab_size: int, size: int, embed_pad: int) -> nn.Embedding:
    """Make the embedding of labels, zero for `embed_pad`; raises `ValueError` if that is no label."""
    if not -vocab_size <= embed_pad < vocab_size:
        raise ValueError(f"embed_pad: expected one of {vocab_size} labels, found {embed_pad}")
    return nn.Embedding(vocab_size, size, padding_idx=embed_pad)


def step_blocks(
    blocks: Iterable[Any], x: Tensor, parents: Tensor, states: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Process the last label of every hypothesis by a sequence of blocks.

    Args:
        blocks: each with a method `step`, which maps x and the block's states to the next ones.
        x: (B * beam, D).
        parents: (B, beam) int64.
        states: (layers, B, parent, ...) each.

    Returns:
        (B * beam, D), and the next states (layers, B, beam, ...).
    """
    entries = entries_of(parents, states[0])
    layers = zip(*(continued(state, entries) for state in states), strict=True)
    after = []
    for block, given in zip(blocks, layers, strict=True):
        x, *state = block.step(x, *given)
        after.append(state)
    return x, tuple(stacked(parts, parents) for parts in zip(*after, strict=True))
