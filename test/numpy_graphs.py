"""Graphs that functions of arrays compute, where a test needs no model."""

import numpy as np


class Value:
    """Result of a graph."""

    def __init__(self, array):
        self.array = array

    def numpy(self):
        return self.array


class Graph:
    """A graph of an interface whose results `function` computes from its feeds; it keeps these in `calls`."""

    def __init__(self, component, function):
        self.component, self.function, self.calls = component, function, []

    def __call__(self, feeds):
        self.calls.append(dict(feeds))
        arrays = [np.asarray(getattr(feeds[t.name], "array", feeds[t.name])) for t in self.component.feeds]
        results = self.function(*arrays)
        return {t.name: Value(r) for t, r in zip(self.component.results, results, strict=True)}
