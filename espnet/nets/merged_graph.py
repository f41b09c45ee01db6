"""Calls of a graph by several utterances, merged into one by the axes that its component declares.

Shapes: B utterances, H hypotheses of one (`beam`), P of the step before (`parent`), T frames.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from espnet.nets.tensors import as_array
from espnet.nets.together import kept, together
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component, Tensor

Feeds = Mapping[str, Any]
_ROWS = ("beam", "parent")


class MergedGraph:
    """`graph`, whose calls within an `espnet.nets.together.Gathering` are merged; elsewhere it is run as it is.

    Hypotheses of several utterances become those of one (`MergedRows`) where nothing else tells utterances apart;
    otherwise they become a batch (`MergedBatch`). Values of merged calls go in and come back as arrays.
    """

    def __init__(self, graph: Graph) -> None:
        self.component = graph.component
        self._graph = graph
        self._merged = _kind_of(graph.component)

    def __call__(self, feeds: Feeds) -> Mapping[str, Any]:
        return together(self.many, feeds)

    def many(self, calls: Sequence[Feeds]) -> list[Mapping[str, Any]]:
        """The results of several calls, in order; those whose sizes differ where they must not are run apart."""
        if len(calls) == 1 or self._merged is None:
            return [self._graph(feeds) for feeds in calls]
        alike: dict[Any, list[int]] = {}
        for number, feeds in enumerate(calls):
            alike.setdefault(self._merged.sizes(feeds), []).append(number)
        results: dict[int, Mapping[str, Any]] = {}
        for numbers in alike.values():
            group = [calls[number] for number in numbers]
            results |= zip(numbers, self._run(self._merged, group), strict=True)
        return [results[number] for number in range(len(calls))]

    def _run(self, merged: Merged, calls: Sequence[Feeds]) -> list[Mapping[str, Any]]:
        if len(calls) == 1:
            return [self._graph(calls[0])]
        results = self._graph(merged.merge(calls))
        return merged.split({name: as_array(value) for name, value in results.items()}, calls)


class Merged:
    """Base: how calls of a component are merged.

    Attributes:
        free: Axes along which the sizes of calls may differ.
    """

    free: frozenset[str]

    def __init__(self, component: Component) -> None:
        self.component = component

    def sizes(self, feeds: Feeds) -> tuple[tuple[int, ...], ...]:
        """Sizes of a call that others have to have, too, to be merged with it."""
        return tuple(
            tuple(
                size for axis, size in zip(t.axes, as_array(feeds[t.name]).shape, strict=True) if axis not in self.free
            )
            for t in self.component.feeds
        )

    def merge(self, calls: Sequence[Feeds]) -> dict[str, Any]:
        """The feeds of one call for all."""
        raise NotImplementedError

    def split(self, results: Mapping[str, np.ndarray], calls: Sequence[Feeds]) -> list[Mapping[str, Any]]:
        """The results of each of the calls."""
        raise NotImplementedError


class MergedRows(Merged):
    """Hypotheses of all calls as those of one utterance, for graphs that read nothing but hypotheses and their states.

    Numbers of parents are counted on. Nothing is padded.
    """

    free = frozenset(_ROWS)

    @staticmethod
    def fits(component: Component) -> bool:
        """Whether all that the graph reads and returns is of hypotheses."""
        return all(len(_axes_of(tensor, _ROWS)) == 1 for tensor in (*component.feeds, *component.results))

    def merge(self, calls: Sequence[Feeds]) -> dict[str, Any]:
        return {tensor.name: self._joined(tensor, calls) for tensor in self.component.feeds}

    def split(self, results: Mapping[str, np.ndarray], calls: Sequence[Feeds]) -> list[Mapping[str, Any]]:
        ends = np.cumsum([_size(self.component.feeds, feeds, "beam") for feeds in calls])
        parts = {
            tensor.name: np.split(results[tensor.name], ends[:-1], _axes_of(tensor, _ROWS)[0])
            for tensor in self.component.results
        }
        return [{name: values[number] for name, values in parts.items()} for number in range(len(calls))]

    def _joined(self, tensor: Tensor, calls: Sequence[Feeds]) -> np.ndarray:
        values = [as_array(feeds[tensor.name]) for feeds in calls]
        if tensor.below == "parent":
            parents = [_size(self.component.feeds, feeds, "parent") for feeds in calls]
            values = [value + first for value, first in zip(values, np.cumsum([0, *parents[:-1]]), strict=True)]
        return np.concatenate(values, _axes_of(tensor, _ROWS)[0])


class MergedBatch(Merged):
    """Calls as a batch, padded with zeros along hypotheses, and along frames where their numbers are among the inputs.

    What an utterance reads at every step, as its encoder output, is put together once while the same ones are merged.
    """

    def __init__(self, component: Component) -> None:
        super().__init__(component)
        counted = {tensor.length_of for tensor in component.inputs if tensor.length_of}
        self.free = frozenset(("batch", *_ROWS, *counted))
        self._lasting = {tensor.name for tensor in component.inputs if not _axes_of(tensor, _ROWS)}

    @staticmethod
    def fits(component: Component) -> bool:
        """Whether all that the graph reads and returns has an axis of utterances."""
        return all("batch" in tensor.axes for tensor in (*component.feeds, *component.results))

    def merge(self, calls: Sequence[Feeds]) -> dict[str, Any]:
        merged = {}
        for tensor in self.component.feeds:
            values = [feeds[tensor.name] for feeds in calls]
            join = functools.partial(_batch, tensor, values, self.free)
            merged[tensor.name] = kept((self, tensor.name), values, join) if tensor.name in self._lasting else join()
        return merged

    def split(self, results: Mapping[str, np.ndarray], calls: Sequence[Feeds]) -> list[Mapping[str, Any]]:
        sizes = [{axis: _size(self.component.feeds, feeds, axis) for axis in self.free} for feeds in calls]
        ends = np.cumsum([size["batch"] for size in sizes]).tolist()
        return [
            {
                tensor.name: results[tensor.name][
                    tuple(
                        slice(end - size["batch"], end) if axis == "batch" else slice(size.get(str(axis)))
                        for axis in tensor.axes
                    )
                ]
                for tensor in self.component.results
            }
            for size, end in zip(sizes, ends, strict=True)
        ]


def _kind_of(component: Component) -> Merged | None:
    """How calls of a component are merged; None: they cannot be."""
    return next((kind(component) for kind in (MergedRows, MergedBatch) if kind.fits(component)), None)


def _batch(tensor: Tensor, values: Sequence[Any], free: frozenset[str]) -> np.ndarray:
    """Values of one input as a batch, padded with zeros along the other free axes."""
    arrays = [as_array(value) for value in values]
    at = tensor.axes.index("batch")
    largest = [max(array.shape[axis] for array in arrays) for axis in range(len(tensor.axes))]
    if all(array.shape[axis] == largest[axis] for array in arrays for axis in range(len(largest)) if axis != at):
        return np.concatenate(arrays, at)
    batch = np.zeros((*largest[:at], sum(array.shape[at] for array in arrays), *largest[at + 1 :]), arrays[0].dtype)
    first = 0
    for array in arrays:
        place = [slice(size) for size in array.shape]
        place[at] = slice(first, first + array.shape[at])
        batch[tuple(place)] = array
        first += array.shape[at]
    return batch


def _axes_of(tensor: Tensor, names: Sequence[str]) -> list[int]:
    """The axes of a tensor that have one of these names."""
    return [number for number, axis in enumerate(tensor.axes) if axis in names]


def _size(tensors: Iterable[Tensor], feeds: Feeds, axis: str) -> int:
    """The size of a named axis in the values of a call; 0 where no tensor has it."""
    for tensor in tensors:
        if axis in tensor.axes:
            return int(as_array(feeds[tensor.name]).shape[tensor.axes.index(axis)])
    return 0
