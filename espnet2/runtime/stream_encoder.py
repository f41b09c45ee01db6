"""The encoder of streams: samples in pieces of any size in, encoder frames out, for one stream or many at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from espnet.nets.tensors import as_array
from espnet2.interface.graph import Graph

MOST_STEPS = 16  # of one call, of all streams: more make it no faster, and need more memory
GOES_ON = 10**9  # `remaining` of a stream whose end is not known


@dataclass(frozen=True)
class StreamState:
    """State of a stream. It is never changed in place, so that a caller can go back to it.

    Attributes:
        waiting: samples (T, ...) that no step has taken.
        steps: made so far.
        values: states after the last step, of `rows` streams that made it together.
        row: of this stream among them.
    """

    waiting: np.ndarray
    steps: int
    values: Mapping[str, Any]
    row: int = 0
    rows: int = 1


@dataclass
class _Run:
    """The steps of a stream in one call; `remaining` counts the samples to its end."""

    state: StreamState
    ahead: int
    remaining: int
    ends: bool
    found: list[np.ndarray] = field(default_factory=list)


class StreamEncoder:
    """Runs the component `encoder_step`.

    Args:
        graph: Reads `speech` (B, N, S, ...), samples of the next N steps, and how many `remaining` (B,) to the end.
        streaming: `samples_per_step`, `lead` and `least_steps`, `block_size` and `hop_size`, as a bundle's manifest has
            them.
    """

    def __init__(self, graph: Graph, streaming: Mapping[str, int]) -> None:
        component = graph.component
        self.graph = graph
        self.speech, self.remaining = component.inputs
        self.encoder_out, self.encoder_out_lens = component.outputs
        self.frame = tuple(axis for axis in self.speech.axes[3:] if isinstance(axis, int))
        self.most_steps = 1 if self.speech.axes[1] == 1 else MOST_STEPS
        self.step, self.lead = streaming["samples_per_step"], streaming["lead"]
        self.least_steps = streaming["least_steps"]
        stride = self.step // streaming["hop_size"]
        self.shortest = max(1, self.least_steps * self.step - self.lead - streaming["block_size"] * stride)
        self._after = {state.input.name: state.output.name for state in component.states}
        self._zeros = {
            state.input.name: np.zeros(component.initial_shape(state, batch=1), state.input.dtype)
            for state in component.states
        }

    def begin(self) -> StreamState:
        """A stream before its first sample."""
        return StreamState(np.zeros((self.lead, *self.frame), np.float32), 0, self._zeros)

    def nothing(self) -> np.ndarray:
        """No frames (0, D)."""
        size = self.encoder_out.axes[2]
        return np.zeros((0, size if isinstance(size, int) else 0), np.float32)

    def advance(
        self, streams: Sequence[StreamState], pieces: Sequence[np.ndarray], ends: Sequence[bool]
    ) -> tuple[list[np.ndarray], list[StreamState]]:
        """Take the next samples of each stream: a piece (T, ...), after which it may end.

        Streams whose steps are complete make them together.

        Returns:
            For each stream its new frames (T', D), of which there may be none, and its state.
        """
        runs = [self._run(*given) for given in zip(streams, pieces, ends, strict=True)]
        while active := [run for run in runs if run.ahead]:
            active = active[:MOST_STEPS]
            most = min(self.most_steps, MOST_STEPS // len(active))
            self._step(active, min(most, *(run.ahead for run in active)))
        return [np.concatenate(run.found) for run in runs], [run.state for run in runs]

    def _run(self, stream: StreamState, piece: np.ndarray, ends: bool) -> _Run:
        waiting = np.concatenate([stream.waiting, piece])
        ahead = len(waiting) // self.step
        if ends:
            ahead = max(ahead + 1, self.least_steps - stream.steps)
        state = dataclasses.replace(stream, waiting=waiting)
        return _Run(state, ahead, len(waiting) if ends else GOES_ON, ends, [self.nothing()])

    def _step(self, runs: Sequence[_Run], count: int) -> None:
        """The next `count` steps of all streams in `runs`."""
        size = count * self.step
        speech = np.zeros((len(runs), size, *self.frame), np.float32)
        for samples, run in zip(speech, runs, strict=True):
            piece = run.state.waiting[:size]
            samples[: len(piece)] = piece
        feeds = {
            **self._values([run.state for run in runs]),
            self.speech.name: speech.reshape(len(runs), count, self.step, *self.frame),
            self.remaining.name: np.array([run.remaining for run in runs]),
        }
        results = self.graph(feeds)
        frames, lengths = (as_array(results[out.name]) for out in (self.encoder_out, self.encoder_out_lens))
        values = {name: results[after] for name, after in self._after.items()}
        for row, run in enumerate(runs):
            waiting = run.state.waiting[size:]
            run.state = StreamState(waiting, run.state.steps + count, values, row, len(runs))
            run.ahead -= count
            run.remaining -= size if run.ends else 0
            run.found.append(frames[row, : lengths[row]])

    def _values(self, streams: Sequence[StreamState]) -> Mapping[str, Any]:
        """The states of all streams, in one array each."""
        first = streams[0]
        together = all(stream.values is first.values and stream.row == row for row, stream in enumerate(streams))
        if together and first.rows == len(streams):
            return first.values
        sources = {id(stream.values): stream.values for stream in streams}
        gathered = {}
        for name in self._after:
            arrays = {key: as_array(values[name]) for key, values in sources.items()}
            gathered[name] = np.stack([arrays[id(stream.values)][stream.row] for stream in streams])
        return gathered
