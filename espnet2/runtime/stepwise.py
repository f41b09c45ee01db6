"""Speech of models that decide step by step whether it goes on: Tacotron 2, Transformer.

A graph "decoder_step" reads by name what is known of a text, noise, and its states, which start as zeros. It gives
`frames` (batch, r, F), `stop` (batch, r), probabilities that speech ends, perhaps `att_w` (batch, ..., tokens), and
the next states. What the loop makes itself, where the graph reads it:

- `attended` (batch, tokens) bool: tokens that attention may look at: all of the text, or with `use_att_constraint`
  those near the one with the largest weight;
- `positions` (batch,) int64: the number of steps before this one;
- noise, drawn uniformly from `least` to `below`, or of a standard normal distribution where there are no bounds.

The state `frame` (batch, F) is the frame before; teacher forcing puts the given one in its place. The attribute
`limits_in_steps` says that the fewest and most frames are whole steps, rounded down (Transformer); otherwise the step
that reaches them is the last one (Tacotron 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from espnet.nets.tensors import as_array
from espnet2.interface.errors import DataError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, State, Tensor
from espnet2.runtime.graph_calls import Arrays, stacked
from espnet2.runtime.noise import drawn
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.utils.attention_durations import durations_of

LENGTH, FORCED = "hidden_lengths", "feats"
FRAME, ATTENDED, POSITIONS = "frame", "attended", "positions"
BATCH, TOKENS = "batch", "tokens"
BLOCK = 64  # steps whose noise is drawn at once, and by which caches grow at least
PATIENCE = 10  # seconds after which progress is shown


def stepwise(
    graph: Graph, pool: Mapping[str, Any], options: SynthesisOptions, rng: np.random.Generator
) -> tuple[np.ndarray, Arrays]:
    """Speak one text.

    Args:
        graph: "decoder_step".
        pool: Arrays by name without the batch's axis: all that the graph reads, and `hidden_lengths`, the number of
            tokens. With teacher forcing `feats` (T, F), normalised features.
        options: `threshold`, `minlenratio`, `maxlenratio`, `use_att_constraint`, `backward_window`, `forward_window`,
            `use_teacher_forcing`.
        rng: Draws the noise.

    Returns:
        Features (T, F) before the postnet, and results by name: `prob` (T,), but with teacher forcing; of models with
        attention `att_w` (..., steps, U), `duration` (U,) and `focus_rate`.

    Raises:
        DataError: Features that are missing, or too short for one step.
    """
    return stepwise_batch(graph, [pool], options, [rng])[0]


def stepwise_batch(
    graph: Graph,
    pools: Sequence[Mapping[str, Any]],
    options: SynthesisOptions,
    rngs: Sequence[np.random.Generator],
) -> list[tuple[np.ndarray, Arrays]]:
    """Speak several texts, which take their steps together until they end; arguments and results as of `stepwise`."""
    texts = [_Text(graph.component, pool, options, rng) for pool, rng in zip(pools, rngs, strict=True)]
    batch = _Batch(graph, texts, options)
    longest = max(text.most for text in texts)
    with tqdm(total=longest, unit="frame", desc="speak", leave=False, delay=PATIENCE, disable=None) as progress:
        while batch.texts:
            batch.step()
            progress.update(batch.factor)
    return [text.results() for text in texts]


class _Text:
    """One text: what is known of it, its limits, and what its steps gave."""

    def __init__(
        self, component: Component, pool: Mapping[str, Any], options: SynthesisOptions, rng: np.random.Generator
    ) -> None:
        self.pool, self.tokens = pool, int(pool[LENGTH])
        self.factor, self.size = map(int, component.outputs[0].axes[1:])
        self.place = 0  # the token with the largest weight
        self.count = 0  # frames
        self._frames: list[np.ndarray] = []
        self._stops: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        self._noise = _Noise([tensor for tensor in component.inputs if tensor.noise], rng)
        self._threshold = options.threshold
        self._forced = options.use_teacher_forcing
        ratios = options.minlenratio, options.maxlenratio
        # Frames of which steps are counted: those of a step, or single ones.
        unit = self.factor if component.attribute("limits_in_steps", False) else 1
        self.least, self.most = (int(self.tokens * ratio / unit) * unit for ratio in ratios)
        if self._forced:
            self.forced = _forced(pool, self.factor, self.size)
            self._threshold, self.least, self.most = np.inf, 0, self.factor * len(self.forced)

    def noise(self) -> Arrays:
        """Noise of the next step."""
        return self._noise.at(self.count // self.factor)

    def frame(self) -> np.ndarray:
        """The frame (F,) that is given in place of the last one."""
        return self.forced[self.count // self.factor - 1]

    def add(self, frames: np.ndarray, stops: np.ndarray, weights: np.ndarray | None) -> bool:
        """Take frames (r, F), probabilities (r,) and weights (..., tokens) of a step; whether it was the last."""
        self._frames.append(frames)
        self._stops.append(stops)
        self.count += self.factor
        if weights is not None:
            own = weights[..., : self.tokens]
            self._weights.append(own)
            self.place = int(own.argmax()) if own.ndim == 1 else 0
        return self.count >= self.least and (self.count >= self.most or bool((stops >= self._threshold).any()))

    def results(self) -> tuple[np.ndarray, Arrays]:
        """Features, and results by name."""
        found: Arrays = {} if self._forced else {"prob": np.concatenate(self._stops)}
        if self._weights:
            weights = np.stack(self._weights, axis=-2)
            duration, focus_rate = durations_of(weights)
            found |= {"att_w": weights, "duration": duration, "focus_rate": np.asarray(focus_rate)}
        return np.concatenate(self._frames), found


def _forced(pool: Mapping[str, Any], factor: int, size: int) -> np.ndarray:
    """The last frame of each step (steps, F) of given features."""
    feats = pool.get(FORCED)
    shape = None if feats is None else np.shape(feats)
    if shape is None or len(shape) != 2 or shape[0] < factor or shape[1] != size:
        raise DataError(
            f"{FORCED}: expected features ({factor} or more, {size}), which use_teacher_forcing needs, found "
            + ("none" if shape is None else f"the shape {shape}")
        )
    return np.asarray(feats, np.float32)[factor - 1 :: factor]


class _Noise:
    """Noise of the steps of a text, drawn some steps at a time."""

    def __init__(self, tensors: Sequence[Tensor], rng: np.random.Generator) -> None:
        self._tensors, self._rng = tensors, rng
        self._block: Arrays = {}

    def at(self, step: int) -> Arrays:
        """Noise of a step, by name; steps are asked for in order."""
        if step % BLOCK == 0:
            self._block = {tensor.name: self._drawn(tensor) for tensor in self._tensors}
        return {name: block[step % BLOCK] for name, block in self._block.items()}

    def _drawn(self, tensor: Tensor) -> np.ndarray:
        shape = (BLOCK, *(int(axis) for axis in tensor.axes[1:]))
        return drawn(tensor, shape, self._rng)


class _Batch:
    """Texts that take their steps together."""

    def __init__(self, graph: Graph, texts: Sequence[_Text], options: SynthesisOptions) -> None:
        self.texts = list(texts)
        self.factor = self.texts[0].factor
        self._graph, self._component = graph, graph.component
        self._windows = (options.backward_window, options.forward_window) if options.use_att_constraint else None
        made = {ATTENDED, POSITIONS}
        self._read = {tensor.name: tensor for tensor in self._component.inputs}
        self._given = [tensor for tensor in self._component.inputs if tensor.name not in made and not tensor.noise]
        self._forced = options.use_teacher_forcing
        self._feeds: dict[str, Any] = {
            tensor.name: stacked([text.pool[tensor.name] for text in self.texts], tensor.dtype)
            for tensor in self._given
        }
        self._longest = max(text.tokens for text in self.texts)
        self._caches: dict[str, _Cache] = {}
        self._start_states()
        if ATTENDED in self._read:
            self._feeds[ATTENDED] = self._attended()

    def _start_states(self) -> None:
        """Zeros for every state; those that grow are caches."""
        sizes = {
            axis: size
            for tensor in self._given
            for axis, size in zip(tensor.axes, self._feeds[tensor.name].shape, strict=True)
            if isinstance(axis, str)
        }
        sizes |= {BATCH: len(self.texts), TOKENS: self._longest}
        for state in self._component.states:
            zeros = np.zeros(self._component.initial_shape(state, **sizes), state.input.dtype)
            if state.appended:
                self._caches[state.input.name] = _Cache(state, zeros)
            self._feeds[state.input.name] = zeros

    def step(self) -> None:
        """One step of all texts; those that it ends leave."""
        results = self._graph({**self._feeds, **self._made()})
        frames, stops = as_array(results["frames"]), as_array(results["stop"])
        weights = as_array(results["att_w"]) if "att_w" in results else [None] * len(self.texts)
        ended = [text.add(*row) for text, *row in zip(self.texts, frames, stops, weights, strict=True)]
        for state in self._component.states:
            name, value = state.input.name, results[state.output.name]
            self._feeds[name] = self._caches[name].append(as_array(value)) if state.appended else value
        if any(ended):
            self._keep([row for row, over in enumerate(ended) if not over])
        if self._forced and self.texts:
            self._feeds[FRAME] = np.stack([text.frame() for text in self.texts])

    def _made(self) -> Arrays:
        """Inputs that differ from step to step and are no states."""
        noise = [text.noise() for text in self.texts]
        made = {name: np.stack([one[name] for one in noise]) for name in noise[0]}
        if POSITIONS in self._read:
            made[POSITIONS] = np.array([text.count // self.factor for text in self.texts])
        if self._windows and ATTENDED in self._read:
            made[ATTENDED] = self._attended()
        return made

    def _attended(self) -> np.ndarray:
        """Mask (batch, tokens) of the tokens that each text may attend to."""
        places = np.arange(self._longest)
        ends = np.array([text.tokens for text in self.texts])
        mask = places < ends[:, None]
        if self._windows is None:
            return mask
        last = np.array([text.place for text in self.texts])
        backward, forward = self._windows
        return mask & (places >= last[:, None] - backward) & (places < last[:, None] + forward)

    def _keep(self, rows: list[int]) -> None:
        """Let all texts but those in these rows leave."""
        self.texts = [self.texts[row] for row in rows]
        axes = {tensor.name: tensor.axes.index(BATCH) for tensor in self._component.feeds if BATCH in tensor.axes}
        for name, value in self._feeds.items():
            if name in self._caches:
                self._feeds[name] = self._caches[name].keep(rows, axes[name])
            elif name in axes:
                self._feeds[name] = as_array(value).take(rows, axes[name])


class _Cache:
    """A state that grows along one axis, in a room for more; a step copies what is new, where that axis is first."""

    def __init__(self, state: State, start: np.ndarray) -> None:
        self._axis = state.input.axes.index(state.appended)
        self._room, self._count = start, start.shape[self._axis]

    def append(self, new: np.ndarray) -> np.ndarray:
        """Put new steps behind the others, and give all."""
        needed = self._count + new.shape[self._axis]
        if needed > self._room.shape[self._axis]:
            shape = list(self._room.shape)
            shape[self._axis] = needed * 3 // 2 + BLOCK
            room = np.zeros(shape, self._room.dtype)
            room[self._part(0, self._count)] = self._room[self._part(0, self._count)]
            self._room = room
        self._room[self._part(self._count, needed)] = new
        self._count = needed
        return self._room[self._part(0, needed)]

    def keep(self, rows: list[int], axis: int) -> np.ndarray:
        """Keep these rows of the batch, which is the axis `axis`, and give all."""
        self._room = self._room.take(rows, axis)
        return self._room[self._part(0, self._count)]

    def _part(self, start: int, end: int) -> tuple[slice, ...]:
        return (*[slice(None)] * self._axis, slice(start, end))
