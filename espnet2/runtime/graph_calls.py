"""Calls of a graph with arrays of utterances: inputs are read by name, padded to a batch, and results cut again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from espnet.nets.tensors import as_array
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Tensor

Arrays = dict[str, np.ndarray]
# From an input that is noise, the shape that an utterance needs of it, and the place of the utterance, to the noise.
Draw = Callable[[Tensor, tuple[int, ...], int], np.ndarray]
BATCH = "batch"


def call(graph: Graph, utterances: Sequence[Mapping[str, np.ndarray]], draw: Draw) -> list[Arrays]:
    """Run a graph once for a batch of utterances.

    Args:
        graph: Its inputs and outputs have the axis of the batch first.
        utterances: Arrays by name, without that axis; more than the graph reads. Lengths are numbers.
        draw: Draws noise.

    Returns:
        For each utterance the outputs by name, without that axis, and as long as the utterance's lengths say.
    """
    component = graph.component
    given = [tensor for tensor in component.inputs if not tensor.noise]
    feeds: Arrays = {tensor.name: stacked([one[tensor.name] for one in utterances], tensor.dtype) for tensor in given}
    sizes = [_sizes(given, feeds, index) for index in range(len(utterances))]
    for tensor in (tensor for tensor in component.inputs if tensor.noise):
        rows = [draw(tensor, shape_of(tensor, component, known), index) for index, known in enumerate(sizes)]
        feeds[tensor.name] = stacked(rows, tensor.dtype)
    results = graph(feeds)
    outputs = {tensor.name: as_array(results[tensor.name]) for tensor in component.outputs}
    return [_cut(component, outputs, index, known) for index, known in enumerate(sizes)]


def batched(graph: Graph) -> bool:
    """Whether utterances of several lengths go through the graph at once: their lengths are inputs."""
    component = graph.component
    known = {tensor.length_of for tensor in component.inputs if tensor.length_of}
    known |= {rule.axis for rule in component.lengths if rule.source in known}
    known |= {tensor.length_of for tensor in component.outputs if tensor.length_of}
    tensors = (*component.inputs, *component.outputs)
    return all(axis in known for tensor in tensors for axis in tensor.axes[1:] if isinstance(axis, str))


def stacked(rows: Sequence[np.ndarray], dtype: str) -> np.ndarray:
    """Arrays of one number of axes as one array, padded with zeros to the longest."""
    arrays = [np.asarray(row) for row in rows]
    shape = np.max([array.shape for array in arrays], axis=0) if arrays[0].ndim else ()
    batch = np.zeros((len(arrays), *map(int, shape)), dtype)
    for index, array in enumerate(arrays):
        batch[index, ...][tuple(map(slice, array.shape))] = array
    return batch


def shape_of(tensor: Tensor, component: Component, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Shape, without the batch's axis, of a tensor whose axes are those of other inputs, or have formulas of them."""
    known = _with_rules(component, sizes)
    return tuple(axis if isinstance(axis, int) else known[axis] for axis in tensor.axes[1:])


def _sizes(tensors: Sequence[Tensor], feeds: Mapping[str, np.ndarray], index: int) -> dict[str, int]:
    """Sizes of the inputs' axes for one utterance: its lengths, or the size of the whole batch where it has none."""
    sizes: dict[str, int] = {}
    for tensor in tensors:
        shape = feeds[tensor.name].shape
        sizes |= {axis: size for axis, size in zip(tensor.axes, shape, strict=True) if isinstance(axis, str)}
    lengths = {tensor.length_of: int(feeds[tensor.name][index]) for tensor in tensors if tensor.length_of}
    return {**sizes, **lengths, BATCH: 1}


def _with_rules(component: Component, sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes of axes, and of those that have formulas of them."""
    rules = (rule for rule in component.lengths if rule.source in sizes)
    return {**sizes, **{rule.axis: rule.length(sizes[rule.source]) for rule in rules}}


def _cut(component: Component, outputs: Mapping[str, np.ndarray], index: int, sizes: Mapping[str, int]) -> Arrays:
    """Outputs of one utterance, without the batch's axis and without padding."""
    known = _with_rules(component, sizes)
    known |= {tensor.length_of: int(outputs[tensor.name][index]) for tensor in component.outputs if tensor.length_of}
    found: Arrays = {}
    for tensor in component.outputs:
        row = outputs[tensor.name][index]
        found[tensor.name] = row[
            tuple(slice(known.get(axis)) if isinstance(axis, str) else slice(None) for axis in tensor.axes[1:])
        ]
    return found
