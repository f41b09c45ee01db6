"""Example values for a component, drawn from its declaration alone: for tracing, verification and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from espnet2.interface.spec import Component, Tensor

# Sizes for tracing. None is 0 or 1, which torch.export would freeze, and no two that could be confused are equal.
TRACE_SIZES = {"batch": 2, "beam": 3, "parent": 4, "past": 5, "tokens": 6, "steps": 3, "channels": 3}
TRACE_OUTPUT_LENGTH = 9  # steps of the output axis that the traced inputs give


def axes_of(component: Component) -> list[str]:
    """Names of all axes that the component's feeds have, in order of appearance."""
    return list(dict.fromkeys(axis for t in component.feeds for axis in t.axes if isinstance(axis, str)))


def trace_sizes(component: Component) -> dict[str, int]:
    """A size for each named axis, fit for tracing."""
    lengths = {rule.source: rule.length.shortest(TRACE_OUTPUT_LENGTH) for rule in component.lengths}
    sizes = {axis: 7 + index for index, axis in enumerate(axes_of(component))}
    found = {axis: lengths.get(axis, TRACE_SIZES.get(axis, size)) for axis, size in sizes.items()}
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
    rng = np.random.default_rng(seed)
    feeds = {tensor.name: _value(tensor, sizes, component.shortest(), rng) for tensor in component.feeds}
    for lengths in (tensor for tensor in component.feeds if tensor.length_of):
        _clear_padding(feeds, component.feeds, lengths, feeds[lengths.name])
    return feeds


def first_step(component: Component, sizes: Mapping[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    """Random feeds with the states as they are before the first step: zeros, of zero length where they grow."""
    start = {**sizes, **component.initial}
    feeds = draw(component, start, seed)
    for state in component.states:
        feeds[state.input.name] = np.zeros_like(feeds[state.input.name])
    return feeds


def _value(tensor: Tensor, sizes: Mapping[str, int], shortest: Mapping[str, int], rng) -> np.ndarray:
    shape = tuple(axis if isinstance(axis, int) else sizes[axis] for axis in tensor.axes)
    if tensor.length_of:
        return ragged_lengths(sizes[tensor.length_of], shape[0], shortest.get(tensor.length_of, 1))
    if tensor.below:
        limit = sizes[tensor.below] if isinstance(tensor.below, str) else tensor.below
        return rng.integers(0, limit, shape, dtype=tensor.dtype)
    return rng.standard_normal(shape).astype(tensor.dtype)


def _clear_padding(feeds: dict, tensors: Iterable[Tensor], lengths: Tensor, values: np.ndarray) -> None:
    for tensor in tensors:
        if tensor is not lengths and {lengths.length_of, lengths.axes[0]} <= set(tensor.axes):
            array = np.moveaxis(
                feeds[tensor.name], (tensor.axes.index(lengths.axes[0]), tensor.axes.index(lengths.length_of)), (0, 1)
            )
            array[np.arange(array.shape[1]) >= values[:, None]] = 0
