"""Steps whose caches are rows that the hypotheses of an utterance share, without a copy for each of them.

A row holds keys and values of one token of one hypothesis. A step is told which rows each hypothesis sees, and returns
the rows of the new tokens, which are put behind the others here. Hypotheses of a beam have most of their past in
common, so there are little more rows than tokens in one of them; rows that no hypothesis sees any more are dropped when
the room ends. Utterances that are searched together have their rows and their encoder outputs in common arrays, a slot
each, so that a step of all of them copies nothing either.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.tensors import as_array
from espnet.nets.together import kept, together
from espnet2.interface.errors import GraphError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Tensor

BATCH, ROWS = "batch", "rows"  # axes of utterances, and of rows; others that have names are of frames
_BLOCK = 64  # rows by which the room grows, and after which those that no hypothesis sees are dropped
_OWN = ("tokens", "positions", "visible")  # inputs that are neither the encoder output's nor states
_FULL = 0.75  # share of slots that are used: with fewer, the others' part of every step costs more than to copy
_SPARE = 1.5  # padding of encoder outputs that is put up with before they are copied to shorter arrays


class Path:
    """The rows that a hypothesis sees: a mask (rows,) bool; there may be more rows, which it does not see."""

    __slots__ = ("__weakref__", "rows")

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows


class Pool:
    """The rows of one utterance: the first `count` rows in `slot` of an arena, and the paths that see them."""

    def __init__(self) -> None:
        self.count = 0
        self.limit = _BLOCK  # the count above which rows that no path sees are looked for
        self.paths: weakref.WeakSet[Path] = weakref.WeakSet()
        self.slot = 0
        self.arena: Arena | None = None

    def path(self, rows: np.ndarray) -> Path:
        """A new path of this utterance."""
        path = Path(rows)
        self.paths.add(path)
        return path

    def tidy(self) -> None:
        """Drop the rows that no path sees, where there are many."""
        seen = np.zeros(self.count, bool)
        for path in self.paths:
            seen[: len(path.rows)] |= path.rows
        kept = np.flatnonzero(seen)
        if self.arena is not None and self.count - len(kept) > _BLOCK // 4:
            self.arena.keep(self.slot, kept)
            for path in self.paths:
                path.rows = path.rows[kept[: np.searchsorted(kept, len(path.rows))]]
            self.count = len(kept)
        self.limit = self.count + _BLOCK


class PoolState(NamedTuple):
    """State of one hypothesis: its path in the pool of its utterance, and what the encoder output determines."""

    feeds: Mapping[str, Any]
    pool: Pool
    path: Path
    known: int = 0
    frames: np.ndarray | None = None


class Arena:
    """Arrays of the rows, and for several utterances of the encoder outputs, of utterances that are searched together.

    It belongs to one utterance, or to one gathering: nobody else may write to it. An utterance that is searched in
    another way later on, as a stream may be, takes its rows along.

    Each utterance has a slot, an index of the axis `batch` of all arrays. Rows are the first axis of caches: those that
    are used are one piece of memory.
    """

    def __init__(self, component: Component) -> None:
        self._states = [state.input for state in component.states]
        self._inputs = [tensor for tensor in component.inputs if tensor.name not in _OWN]
        self._axes = {
            axis: (tensor.name, place)
            for tensor in self._inputs
            for place, axis in enumerate(tensor.axes)
            if isinstance(axis, str) and axis != BATCH
        }
        self._members: list[weakref.ref[Pool] | None] = []
        self._room = 0
        self._rows = {tensor.name: _zeros(tensor, 0, {ROWS: 0}) for tensor in self._states}
        self._memory: dict[str, np.ndarray] = {}
        self._copied: list[Any] = []  # the encoder output in each slot of `_memory`

    def __len__(self) -> int:
        return len(self._members)

    @property
    def pools(self) -> list[Pool]:
        """The utterances that are still searched."""
        members = (None if member is None else member() for member in self._members)
        return [pool for pool in members if pool is not None and pool.arena is self]

    @property
    def used(self) -> int:
        """Rows of the utterance that has the most."""
        return max(pool.count for pool in self.pools)

    def gather(self, pools: Sequence[Pool]) -> None:
        """Take these utterances in: in slots of such as are gone, or in new arrays, also where many slots are free."""
        alive, new = self.pools, [pool for pool in pools if pool.arena is not self]
        slots = len(alive) + len(new)
        if slots <= len(self) and slots > _FULL * len(self):
            taken = {pool.slot for pool in alive}
            free = [slot for slot in range(len(self)) if slot not in taken]
            for slot in free:
                self._copied[slot] = None
            for pool, slot in zip(new, free, strict=False):
                self._grow(pool.count)
                self._take(pool, slot, _rows_of(pool))
            return
        everyone = [(pool, _rows_of(pool)) for pool in alive + new]
        self._members, self._memory, self._copied = [None] * slots, {}, [None] * slots
        self._room = max(pool.count for pool, _ in everyone)
        self._rows = {tensor.name: _zeros(tensor, slots, {ROWS: self._room}) for tensor in self._states}
        for slot, (pool, rows) in enumerate(everyone):
            self._take(pool, slot, rows)

    def _take(self, pool: Pool, slot: int, rows: Mapping[str, np.ndarray]) -> None:
        """Give the utterance a slot, and copy its rows there."""
        for name, array in self._rows.items():
            if rows:
                array[: pool.count, slot] = rows[name][: pool.count, pool.slot]
            # What an utterance left there that failed may be NaN, which is NaN with a weight of 0, too.
            array[pool.count :, slot] = 0
        self._members[slot], self._copied[slot] = weakref.ref(pool), None
        pool.arena, pool.slot = self, slot

    def _grow(self, room: int) -> None:
        """Make room for so many rows."""
        if room > self._room:
            self._room = max(room, self._room * 5 // 4) + _BLOCK
            for tensor in self._states:
                old, new = self._rows[tensor.name], _zeros(tensor, len(self), {ROWS: self._room})
                new[tuple(map(slice, old.shape))] = old
                self._rows[tensor.name] = new

    def keep(self, slot: int, kept: np.ndarray) -> None:
        """Move the rows of a slot with these indices, which are in order, to its beginning."""
        first = int((kept != np.arange(len(kept))).argmax()) if len(kept) and kept[-1] >= len(kept) else len(kept)
        for array in self._rows.values():
            array[first : len(kept), slot] = array[kept[first:], slot]

    def append(self, pool: Pool, new: Mapping[str, np.ndarray], count: int) -> None:
        """Put the first `count` new rows of the utterance behind its others; `new` is by name of the input."""
        self._grow(pool.count + count)
        for name, array in self._rows.items():
            array[pool.count : pool.count + count, pool.slot] = new[name][:count, pool.slot]
        pool.count += count

    def feeds(self, memories: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
        """Rows and encoder outputs; `memories` gives the latter by slot, of the utterances that take a step."""
        used = self.used
        rows = {name: array[:used] for name, array in self._rows.items()}
        if len(self) == 1:
            return {**rows, **memories[0]}
        current = [memories.get(slot, copied) for slot, copied in enumerate(self._copied)]
        sizes = [self._sizes(memory) for memory in current]
        self._fit({axis: max(size.get(axis, 0) for size in sizes) for axis in set().union(*sizes)})
        for slot, memory in enumerate(current):
            if memory is not None and memory is not self._copied[slot]:
                self._copy(slot, memory)
        return {**rows, **self._memory}

    def _fit(self, sizes: Mapping[str, int]) -> None:
        """Make new arrays for the encoder outputs where the present ones are too short, or far too long."""
        known = self._sizes(self._memory)
        fits = all(size <= known.get(axis, -1) <= max(_SPARE * size, size + _BLOCK) for axis, size in sizes.items())
        if not self._memory or not fits:
            self._memory = {tensor.name: _zeros(tensor, len(self), sizes) for tensor in self._inputs}
            self._copied = [None] * len(self)

    def _sizes(self, memory: Mapping[str, Any] | None) -> dict[str, int]:
        """Frames of encoder outputs by the name of the axis; nothing where there are none."""
        if not memory:
            return {}
        return {axis: as_array(memory[name]).shape[place] for axis, (name, place) in self._axes.items()}

    def _copy(self, slot: int, memory: Mapping[str, Any]) -> None:
        sizes = self._sizes(memory)
        for tensor in self._inputs:
            array, value = self._memory[tensor.name], as_array(memory[tensor.name])
            array[_at(tensor, slot, {})] = 0
            array[_at(tensor, slot, sizes)] = value[_at(tensor, 0, sizes)]
        self._copied[slot] = memory


_Call = tuple[np.ndarray, Sequence[PoolState]]  # last tokens (H,) and states of an utterance's hypotheses


class Pooled:
    """Steps of hypotheses whose caches are rows of a pool.

    Args:
        step: Reads `tokens` and `positions` (batch, beam), `visible` (batch, beam, rows), its caches, and inputs that
            the encoder output determines; returns log-probabilities (batch, beam, V) first, and new rows.
    """

    def __init__(self, step: Graph) -> None:
        self._step = step
        self._component = step.component
        self._log_probs = step.component.outputs[0].name
        for state in step.component.states:
            if state.input.axes[:2] != (ROWS, BATCH):
                raise GraphError(
                    f"{state.input.name}: expected the axes rows and batch first, found {state.input.axes}"
                )

    def first(self, memory: Mapping[str, Any], count: int, frames: np.ndarray | None) -> PoolState:
        """State before the first token."""
        pool = Pool()
        return PoolState(memory, pool, pool.path(np.zeros(0, bool)), 0, frames)

    def advance(self, tokens: np.ndarray, states: Sequence[PoolState]) -> tuple[np.ndarray, list[PoolState]]:
        """Log-probabilities (H, V) after tokens (H,), and the next states."""
        return together(self.many, (tokens, states))

    def many(self, calls: Sequence[_Call]) -> list[tuple[np.ndarray, list[PoolState]]]:
        """`advance` for each of several utterances, in one step."""
        pools = [states[0].pool for _, states in calls]
        arena = self._arena(pools)
        arena.gather(pools)
        for pool in pools:
            if pool.count > pool.limit:
                pool.tidy()
        beam = max(len(tokens) for tokens, _ in calls)
        feeds = arena.feeds({pool.slot: states[0].feeds for pool, (_, states) in zip(pools, calls, strict=True)})
        results = self._step({**feeds, **_hypotheses(calls, len(arena), beam, arena.used)})
        log_probs = as_array(results[self._log_probs])
        new = {state.input.name: as_array(results[state.output.name]) for state in self._component.states}
        found = []
        for pool, (tokens, states) in zip(pools, calls, strict=True):
            after = self._after(states)
            arena.append(pool, new, len(tokens))
            found.append((log_probs[pool.slot, : len(tokens)], after))
        return found

    def _arena(self, pools: Sequence[Pool]) -> Arena:
        """The arena of the gathering that takes this step; of one utterance alone, its own."""
        if len(pools) > 1:
            return kept((self, "arena"), (), lambda: Arena(self._component))
        own = pools[0].arena
        return own if own is not None and len(own) == 1 else Arena(self._component)

    def _after(self, states: Sequence[PoolState]) -> list[PoolState]:
        """The states of hypotheses whose newest rows will be the next ones of the pool."""
        pool, count = states[0].pool, states[0].pool.count
        rows = np.zeros((len(states), count + len(states)), bool)
        for row, state in zip(rows, states, strict=True):
            row[: len(state.path.rows)] = state.path.rows
        np.fill_diagonal(rows[:, count:], True)
        return [
            state._replace(path=pool.path(row[: count + number]), known=state.known + 1)
            for number, (row, state) in enumerate(zip(rows, states, strict=True), 1)
        ]


def _hypotheses(calls: Sequence[_Call], slots: int, beam: int, rows: int) -> dict[str, np.ndarray]:
    """Last tokens, their numbers and paths; zeros in slots, and behind hypotheses, of which there is nothing."""
    tokens, positions = np.zeros((2, slots, beam), np.int64)
    visible = np.zeros((slots, beam, rows), bool)
    for last, states in calls:
        slot = states[0].pool.slot
        tokens[slot, : len(last)] = last
        for row, state in enumerate(states):
            positions[slot, row] = state.known
            visible[slot, row, : len(state.path.rows)] = state.path.rows
    return {"tokens": tokens, "positions": positions, "visible": visible}


def _rows_of(pool: Pool) -> Mapping[str, np.ndarray]:
    """The arrays where the rows of an utterance are; nothing where it has none yet."""
    return {} if pool.arena is None else pool.arena._rows


def _zeros(tensor: Tensor, slots: int, sizes: Mapping[str, int]) -> np.ndarray:
    """An array for an input, with so many slots, and other named axes of these sizes."""
    known = {BATCH: slots, **sizes}
    return np.zeros([axis if isinstance(axis, int) else known[axis] for axis in tensor.axes], tensor.dtype)


def _at(tensor: Tensor, slot: int, sizes: Mapping[str, int]) -> tuple[Any, ...]:
    """Index of the first frames of a slot, as many as `sizes` has by the name of the axis; else of all."""
    known = {BATCH: slot, **{axis: slice(size) for axis, size in sizes.items()}}
    return tuple(known.get(axis, slice(None)) if isinstance(axis, str) else slice(None) for axis in tensor.axes)
