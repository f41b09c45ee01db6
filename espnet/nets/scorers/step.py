"""Scorer over an exported step graph: attention decoders and language models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.merged_graph import MergedGraph
from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.pool import Pooled
from espnet.nets.tensors import as_array
from espnet2.interface.graph import Graph


class StepState(NamedTuple):
    """State of one hypothesis: row `row` of the values that the step before returned, shared by its hypotheses.

    `known` is the number of tokens that have been read; `frames` the encoder output (T, D), where all of it is needed
    to go on with a longer one.
    """

    feeds: Mapping[str, Any]
    row: int
    known: int = 0
    frames: np.ndarray | None = None


class ByParent:
    """Steps that are told the parent of each hypothesis, and select what they need of the step before themselves.

    Args:
        step: Reads `tokens` and `parents` (1, beam), its states, and inputs that the encoder output determines; returns
            log-probabilities (1, beam, V) first, and the next states.
    """

    def __init__(self, step: Graph) -> None:
        self._step = step
        self._log_probs = step.component.outputs[0].name

    def first(self, memory: Mapping[str, Any], count: int, frames: np.ndarray | None) -> StepState:
        """State before the first token of an utterance with `count` frames: zeros."""
        component, feeds = self._step.component, dict(memory)
        for state in component.states:
            shape = component.initial_shape(state, batch=1, frames=count)
            feeds[state.input.name] = np.zeros(shape, state.input.dtype)
        return StepState(feeds, 0, frames=frames)

    def advance(self, tokens: np.ndarray, states: Sequence[StepState]) -> tuple[np.ndarray, list[StepState]]:
        """Log-probabilities (H, V) after tokens (H,), and the next states."""
        feeds, parents = self._gathered(states)
        results = self._step({**feeds, "tokens": tokens[None], "parents": np.array([parents])})
        after = {**feeds, **{pair.input.name: results[pair.output.name] for pair in self._step.component.states}}
        first = states[0]
        return as_array(results[self._log_probs])[0], [
            StepState(after, row, first.known + 1, first.frames) for row in range(len(states))
        ]

    def _gathered(self, states: Sequence[StepState]) -> tuple[Mapping[str, Any], list[int]]:
        """Feeds that have all of the states among their parents, and which parent each of them is.

        Where the states come from different steps, the rows of these are put together.
        """
        steps = {id(state.feeds): state.feeds for state in states}
        feeds = states[0].feeds
        if len(steps) == 1:
            return feeds, [state.row for state in states]
        merged = dict(feeds)
        for pair in self._step.component.states:
            name, axis = pair.input.name, pair.input.axes.index("parent")
            values = {key: as_array(step[name]) for key, step in steps.items()}
            merged[name] = np.concatenate([values[id(state.feeds)].take([state.row], axis) for state in states], axis)
        return merged, list(range(len(states)))


class StepScorer(BatchScorerInterface):
    """Scores the next token with a graph that takes one step for all hypotheses.

    Args:
        step: Reads its states and what `start` returned, and hypotheses as `Pooled` or, if it reads `parents`,
            `ByParent` feeds them. If it reads `memory_lengths`, it gets the frames of the encoder output.
        start: Run once per utterance on `encoder_out` (1, T, D), and on its `memory_lengths` if it reads them. One that
            reads no lengths and returns nothing without frames treats each by itself: in a stream, the new ones only.
        longest: In a stream, steps read this many of the last frames; 0: all.
    """

    def __init__(self, step: Graph, start: Graph | None = None, longest: int = 0) -> None:
        self.step = step
        self.start = start
        self.longest = longest
        self._reads = {tensor.name for tensor in step.component.feeds}
        self._caches: Any = ByParent(MergedGraph(step)) if "parents" in self._reads else Pooled(step)
        self._frames = {t.name: t.axes.index("frames") for t in step.component.feeds if "frames" in t.axes}
        self._by_frame = start is None or (
            len(start.component.inputs) == 1 and all("frames" in tensor.axes for tensor in start.component.outputs)
        )

    def init_state(self, x: np.ndarray) -> Any:
        """State before the first token: results of `start` on x (T, D), and empty caches."""
        x = as_array(x)[-self.longest :]
        return self._caches.first(self._memory(x), len(x), None if self._by_frame else x)

    def extend(self, states: Sequence[Any], x: np.ndarray) -> list[Any]:
        """The states where the encoder output goes on with x (T', D); results of earlier steps stay as they are."""
        x = as_array(x)
        frames = None if states[0].frames is None else np.concatenate([states[0].frames, x])[-self.longest :]
        memory = self._memory(x if frames is None else frames)
        steps = {id(state.feeds): state.feeds for state in states}
        known: dict[int, Any] = {}  # steps of one utterance share what they read of it, and go on doing so
        longer = {key: {**feeds, **self._longer(feeds, memory, len(x), known)} for key, feeds in steps.items()}
        return [state._replace(feeds=longer[id(state.feeds)], frames=frames) for state in states]

    def score(self, y: np.ndarray, state: Any, x: np.ndarray) -> tuple[np.ndarray, Any]:
        """Log-probabilities (V,) of the token after y (U,), and the next state."""
        scores, states = self.batch_score(y[None], [state], x[None])
        return scores[0], states[0]

    def batch_score(self, ys: np.ndarray, states: Sequence[Any], xs: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """Log-probabilities (H, V) of the tokens after ys (H, U), and the next states; all are of one utterance.

        Of tokens that no step has read, as those of a primer, each takes a step of its own.
        """
        ys = as_array(ys)
        for known in range(states[0].known + 1, ys.shape[1]):
            _, states = self._caches.advance(ys[:, known - 1], states)
        return self._caches.advance(ys[:, -1], states)

    def _memory(self, x: np.ndarray) -> dict[str, Any]:
        """Inputs of the steps that encoder output x (T, D) determines."""
        utterance = {"encoder_out": x[None], "memory_lengths": np.array([len(x)])}
        memory = {**utterance, **({} if self.start is None else self.start(utterance))}
        return {name: value for name, value in memory.items() if name in self._reads}

    def _longer(
        self, feeds: Mapping[str, Any], memory: Mapping[str, Any], new: int, known: dict[int, Any]
    ) -> dict[str, Any]:
        """The inputs in `feeds` that `new` frames change; `memory` is of these, or of all frames.

        `known` holds arrays that are concatenated already, by the identity of their first part.
        """
        longer = dict(memory)
        for name, value in memory.items() if self._by_frame else ():
            if id(feeds[name]) not in known:
                both = as_array(feeds[name]), as_array(value)
                joined = np.concatenate(both, self._frames[name]) if name in self._frames else both[0] + both[1]
                known[id(feeds[name])] = self._last(name, joined)
            longer[name] = known[id(feeds[name])]
        for name in (state.input.name for state in self.step.component.states):
            if name in self._frames:
                past = as_array(feeds[name])
                padded = np.pad(past, [(0, new * (axis == self._frames[name])) for axis in range(past.ndim)])
                longer[name] = self._last(name, padded)
        return longer

    def _last(self, name: str, value: np.ndarray) -> np.ndarray:
        """The `longest` last frames of a value that has frames, and at most so many of a count of them."""
        if not self.longest:
            return value
        if name not in self._frames:
            return np.minimum(value, self.longest)
        axis = self._frames[name]
        return np.ascontiguousarray(value[(slice(None),) * axis + (slice(-self.longest, None),)])
