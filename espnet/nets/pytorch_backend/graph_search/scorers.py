"""Attention decoders and language models in the loop of a search: their declared step, with its states.

Keys and values are rows that the hypotheses of an utterance share, as `espnet.nets.scorers.pool` has them; rows that no
hypothesis sees any more are dropped in every pass. Other states are selected by the parents of hypotheses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.graph_search.loops import resized, rows_of
from espnet2.interface.spec import Component


class Hypotheses(NamedTuple):
    """Running hypotheses: last tokens (B, K), their positions (B, K) and parents (B, K) int64, and the rows that they
    see, (B, K, rows) bool."""

    tokens: Tensor
    positions: Tensor
    parents: Tensor
    visible: Tensor


class SteppedModule(nn.Module):
    """A module with the component of its step.

    Raises:
        ValueError: states that grow otherwise than by rows.
    """

    def __init__(self, module: nn.Module, component: Component) -> None:
        super().__init__()
        self.module = module
        self.component = component
        for state in component.states:
            grows = {axis for axis in state.input.axes if isinstance(axis, str)} - {"batch", "parent", "frames", "rows"}
            if grows:
                raise ValueError(f"{component.name}: expected states of a fixed size, found {state.input.name}")

    @property
    def has_rows(self) -> bool:
        """Whether states are rows."""
        return any(state.appended for state in self.component.states)

    def before(self, batch: int, beam: int, frames: int, rows: int, like: Tensor) -> list[Tensor]:
        """States before the first token, of `beam` hypotheses each."""
        sizes = {"batch": batch, "parent": beam, "frames": frames, "rows": rows}
        found = []
        for state in self.component.states:
            shape = [axis if isinstance(axis, int) else sizes[axis] for axis in state.input.axes]
            dtype = torch.int64 if state.input.dtype == "int64" else like.dtype
            found.append(torch.zeros(shape, dtype=dtype, device=like.device))
        return found

    def forward(
        self, hypotheses: Hypotheses, memory: Mapping[str, Tensor], states: Sequence[Tensor]
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """Results (B, K, ...) of the step, and states: of rows the new ones."""
        known = {**hypotheses._asdict(), **memory}
        read = [known[tensor.name] for tensor in self.component.inputs]
        first, *after = getattr(self.module, self.component.method)(*read, *states)
        return first, after

    def forgotten(self, states: Sequence[Tensor], is_again: Tensor) -> list[Tensor]:
        """States with zeros for utterances that begin again, (B,) bool."""
        shapes = [[-1 if axis == "batch" else 1 for axis in state.input.axes] for state in self.component.states]
        pairs = zip(states, shapes, strict=True)
        return [torch.where(is_again.view(shape), torch.zeros_like(state), state) for state, shape in pairs]


class RowUpdate(NamedTuple):
    """Rows that go on: places (rows, B) among those of each utterance, and which hypotheses see them, (B, K, rows)."""

    places: Tensor
    visible: Tensor

    @classmethod
    def of(cls, visible: Tensor, parents: Tensor, is_running: Tensor) -> RowUpdate:
        """Rows of hypotheses that continue `parents` (B, K), whose last tokens have a new row each.

        Args:
            visible: (B, K, rows) bool, rows that these parents saw.
            parents: (B, K) int64.
            is_running: (B, K) bool; the others see nothing.
        """
        slots = torch.arange(parents.shape[1], device=parents.device)
        own = parents.unsqueeze(2) == slots
        seen = torch.cat((rows_of(visible, parents), own), dim=2) & is_running.unsqueeze(-1)
        is_used = seen.any(dim=1)
        place = torch.arange(seen.shape[2], device=seen.device)
        order = torch.where(is_used, place, place + seen.shape[2]).argsort(dim=1)
        kept = torch.nonzero(place < is_used.sum(dim=1).max()).squeeze(1)
        index = order.index_select(1, kept)
        return cls(index.t(), seen.gather(2, index.unsqueeze(1).expand(-1, seen.shape[1], -1)))

    def joined(self, before: Tensor, new: Tensor) -> Tensor:
        """The rows of `before` (rows, B, ...) and new (K, B, ...) that go on."""
        rows, batch = torch.cat((before, new)), before.shape[1]
        flat = self.places * batch + torch.arange(batch, device=rows.device)
        found = rows.flatten(0, 1).index_select(0, flat.flatten()).view(*flat.shape, *rows.shape[2:])
        return resized(found, before)
