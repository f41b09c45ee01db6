"""Samples in pieces: a vocoder works on windows of frames that overlap by what one of its samples depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Length, Tensor
from espnet2.runtime.graph_calls import Arrays, Draw, call, shape_of

FIELD, FRAMES = "receptive_field", "frames"
FEWEST, MOST, GROWTH = 16, 512, 2  # frames of a stream's first piece and of the longest, and how pieces grow
AT_ONCE = 2 * MOST  # frames of the longest utterance that is no stream and yet not worked on in pieces


def field_of(component: Component) -> int | None:
    """Frames on each side of one on which its samples depend; None: unknown, or all of them."""
    if FIELD not in component.attributes or samples_of_frame(component) is None:
        return None
    return component.attribute(FIELD, 0)


def samples_of_frame(component: Component) -> int | None:
    """Samples of each frame; None where there is no such number."""
    axis = component.outputs[0].axes[1]
    rule = next((rule for rule in component.lengths if rule.axis == axis and rule.source == FRAMES), None)
    hop = None if rule is None else rule.length(2) - rule.length(1)
    return hop if rule is not None and hop and rule.length == Length.multiplied(hop) else None


def pieces(count: int, field: int, first: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of the pieces of `count` frames; a first one that is short comes early."""
    start, size = 0, max(first, field)
    while start < count:
        end = min(start + size, count)
        # A rest that is shorter than its context costs more than it is worth.
        end = count if count - end <= field else end
        yield start, end
        start, size = end, min(size * GROWTH, MOST)


def windows(
    graph: Graph, utterance: Mapping[str, np.ndarray], noise: Arrays, frames: int, first: int = FEWEST
) -> Iterator[np.ndarray]:
    """Samples of the frames of an utterance in pieces, which joined are those of one call.

    Args:
        graph: A vocoder that has a `field_of`.
        utterance: Arrays by name, without the axis of a batch.
        noise: All of the noise that the graph reads, in the same way.
        frames: How many there are.
        first: Frames of the first piece.
    """
    component = graph.component
    field, hop = field_of(component), samples_of_frame(component)
    assert field is not None and hop is not None
    output = component.outputs[0]
    axes = {FRAMES: 1, str(output.axes[1]): hop}
    for start, end in pieces(frames, field, first):
        begin, last = max(start - field, 0), min(end + field, frames)
        feeds = {
            tensor.name: _window({**utterance, **noise}[tensor.name], tensor, axes, begin, last)
            for tensor in component.inputs
        }
        (found,) = call(graph, [feeds], _given(feeds))
        yield found[output.name][(start - begin) * hop : (end - begin) * hop]


def _given(feeds: Arrays) -> Draw:
    """Noise that is drawn already."""
    return lambda tensor, shape, index: feeds[tensor.name]


def _window(array: np.ndarray, tensor: Tensor, axes: Mapping[str, int], first: int, last: int) -> np.ndarray:
    """Frames `first` to `last` of an array, or their samples; a length of frames becomes theirs."""
    if tensor.length_of in axes:
        return np.array((last - first) * axes[tensor.length_of])
    steps = [axes.get(str(axis)) for axis in tensor.axes[1:]]
    return array[tuple(slice(None) if step is None else slice(first * step, last * step) for step in steps)]


def frames_of_vocoder(component: Component, utterance: Mapping[str, np.ndarray]) -> int:
    """Number of frames of what a vocoder reads of an utterance."""
    tensor = next(tensor for tensor in component.inputs if FRAMES in tensor.axes and not tensor.noise)
    return utterance[tensor.name].shape[tensor.axes.index(FRAMES) - 1]


def shapes_of_noise(component: Component, frames: int) -> dict[str, tuple[int, ...]]:
    """Shapes, without the batch's axis, of the noise that a vocoder reads for so many frames."""
    sizes = {FRAMES: frames}
    return {tensor.name: shape_of(tensor, component, sizes) for tensor in component.inputs if tensor.noise}
