"""Example values for a component, drawn from its declaration alone: for tracing, verification and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from espnet2.export.declared import sizes_of
from espnet2.interface.spec import FLOATS, Axis, Component, Tensor

# Sizes for tracing. None is 0 or 1, which torch.export would freeze, and no two that could be confused are equal.
TRACE_SIZES = {"batch": 2, "beam": 3, "parent": 4, "past": 5, "rows": 5, "tokens": 6, "steps": 3, "channels": 3}
TRACE_OUTPUT_LENGTH = 9  # steps of the output axis that the traced inputs give


def axes_of(component: Component) -> list[str]:
    """Names of all axes that the component's feeds have, in order of appearance."""
    return list(dict.fromkeys(axis for t in component.feeds for axis in t.axes if isinstance(axis, str)))


def trace_sizes(component: Component) -> dict[str, int]:
    """A size for each named axis, fit for tracing."""
    lengths = component.shortest(TRACE_OUTPUT_LENGTH)
    others = {axis: 7 + index for index, axis in enumerate(axes_of(component))}
    # An axis whose steps give many each, such as samples of a frame, would be 1 long.
    lengths = {axis: size if size > 1 else others[axis] for axis, size in lengths.items()}
    found = {axis: TRACE_SIZES.get(axis, lengths.get(axis, size)) for axis, size in others.items()}
    return with_channels(component, found)


def with_channels(component: Component, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes with no fewer channels than the component needs."""
    return {axis: max(size, component.least_channels) if axis == "channels" else size for axis, size in sizes.items()}


def dynamic_shapes(component: Component) -> tuple[dict[int, str], ...]:
    """For each feed, the names of its named axes by their index, as `torch.onnx.export` takes them."""
    return tuple({i: axis for i, axis in enumerate(t.axes) if isinstance(axis, str)} for t in component.feeds)


def ragged_lengths(longest: int, batch: int, shortest: int = 1) -> np.ndarray:
    """(batch,) int64 lengths from `longest` down to near `shortest`, so that every later row is padded."""
    last = min(longest, max(shortest, longest // 3))
    return np.linspace(longest, last, batch).astype(np.int64)


def draw(component: Component, sizes: Mapping[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    """Random feeds with the given axis sizes; samples beyond an utterance's length are zeros, as in a padded batch."""
    feeds = _draw(component, sizes, seed)
    for name, padding in _paddings(component.feeds, feeds):
        feeds[name][padding] = 0
    return feeds


def with_noise(component: Component, feeds: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray] | None:
    """The feeds with random values in the inputs' padding; None where there is none.

    States stay as they are, since graphs make them.
    """
    paddings = [(name, padding) for name, padding in _paddings(component.inputs, feeds) if padding.any()]
    if not paddings:
        return None
    noise, found = (
        _draw(component, sizes_of(component, feeds), seed),
        {name: feed.copy() for name, feed in feeds.items()},
    )
    for name, padding in paddings:
        found[name][padding] = noise[name][padding]
    return found


def padding_of(axes: Sequence[Axis], shape: Sequence[int], lengths: Tensor, values: np.ndarray) -> np.ndarray | None:
    """Mask of the padding of a tensor, of its shape; None where `lengths`, whose values are given, are of other axes.

    The axes of the lengths come in the tensor's, in the same order.
    """
    order: list[int] = []
    for axis in lengths.axes:
        start = order[-1] + 1 if order else 0
        if axis not in axes[start:]:
            return None
        order.append(axes.index(axis, start))
    if lengths.length_of not in axes:
        return None
    order.append(axes.index(lengths.length_of))
    mask = np.arange(shape[order[-1]]) >= values[..., None]
    others = tuple(place for place in range(len(axes)) if place not in order)
    return np.broadcast_to(np.expand_dims(mask.transpose(np.argsort(order)), others), shape)


def first_step(component: Component, sizes: Mapping[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    """Random feeds with the states as they are before the first step: zeros, of zero length where they grow."""
    start = {**sizes, **component.initial}
    feeds = draw(component, start, seed)
    for state in component.states:
        feeds[state.input.name] = np.zeros_like(feeds[state.input.name])
    return feeds


def _draw(component: Component, sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {tensor.name: _value(tensor, sizes, component.shortest(), rng) for tensor in component.feeds}


def _value(tensor: Tensor, sizes: Mapping[str, int], shortest: Mapping[str, int], rng) -> np.ndarray:
    shape = tuple(axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes)
    if tensor.length_of:
        return ragged_lengths(sizes[tensor.length_of], shape[0], shortest.get(tensor.length_of, 1)).astype(tensor.dtype)
    if tensor.below:
        limit = sizes[tensor.below] if isinstance(tensor.below, str) else tensor.below
        if tensor.dtype in FLOATS:
            return rng.uniform(tensor.least, limit, shape).astype(tensor.dtype)
        return rng.integers(tensor.least, limit, shape, dtype=tensor.dtype)
    return rng.standard_normal(shape).astype(tensor.dtype)


def _paddings(tensors: Sequence[Tensor], feeds: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """The name of each of these tensors that has lengths, and where it is padded."""
    for lengths in (tensor for tensor in tensors if tensor.length_of):
        for tensor in tensors:
            padding = padding_of(tensor.axes, feeds[tensor.name].shape, lengths, feeds[lengths.name])
            if tensor is not lengths and padding is not None:
                yield tensor.name, padding
