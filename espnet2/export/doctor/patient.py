"""A module under diagnosis: how it runs in PyTorch and as a graph, what it remembers, and which of its code ran."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import operator
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.export import Dim

from espnet2.export.doctor.guards import Guard, recorded_guards
from espnet2.export.doctor.source import Function, function_of, functions_of
from espnet2.export.doctor.watch import Call, Table, Watch
from espnet2.export.examples import dynamic_shapes
from espnet2.export.nodes import Node, nodes_of
from espnet2.export.trace import Method
from espnet2.interface.spec import Component
from espnet2.runtime.session import FATAL, new_session

Feeds = Mapping[str, np.ndarray]
# Recurrent layers keep what they were traced with: a second export in a process would have the sizes of the first.
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


class Memory:
    """All that a module holds beside its parameters, to be put back after calls that change it."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._held = [(part, _copied(vars(part))) for part in module.modules()]
        self._buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]

    def restore(self) -> None:
        """Set the module to what it was."""
        for part, held in self._held:
            vars(part).clear()
            vars(part).update(_copied(held))
        for buffer, value in self._buffers:
            buffer.data.copy_(value)

    def changed(self) -> list[str]:
        """Names of attributes and buffers that are not what they were."""
        found = [name for part, held in self._held for name in _differing(held, vars(part))]
        return found + ["a buffer"] * any(not torch.equal(buffer, value) for buffer, value in self._buffers)


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: copy.copy(value) if isinstance(value, dict | list | set) else value for k, value in values.items()}


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, value in now.items():
        held = before.get(name)
        same = value is held or (type(value) is type(held) and isinstance(value, int | float | str) and value == held)
        if isinstance(value, dict | list | set) and isinstance(held, dict | list | set):
            same = len(value) == len(held) and all(map(operator.is_, _values(value), _values(held)))
        if not same:
            yield name


def _values(container: Any) -> list[Any]:
    return list(container.values()) if isinstance(container, dict) else list(container)


class Patient:
    """A module, its inputs, and what is known of it.

    Attributes:
        calls: Calls of a run in PyTorch that may break a consideration.
        guards: Conditions on sizes that were recorded when the graph was made.
        nodes: Those of the graph.
    """

    def __init__(self, module: torch.nn.Module, component: Component, by_name: bool) -> None:
        self.module, self.component = module.eval(), component
        self.by_name = by_name  # names of a component's inputs need not be those of arguments
        self.method = getattr(type(module), component.method)
        self.memory = Memory(module)
        self.calls: list[Call] = []
        self.guards: list[Guard] = []
        self.nodes: list[Node] = []
        self.tables: list[Table] = []
        self.session: onnxruntime.InferenceSession | None = None
        self._codes: dict[CodeType, None] = {}

    @functools.cached_property
    def forward(self) -> Function | None:
        """The method that is exported."""
        return function_of(self.method)

    @property
    def functions(self) -> list[Function]:
        """The author's functions that ran, from the exported method on."""
        found = [self.forward, *functions_of(self._codes)]
        return list({id(item.tree): item for item in found if item is not None}.values())

    def call(self, given: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
        """PyTorch's outputs for these tensors themselves, by a module that remembers nothing."""
        self.memory.restore()
        return self.call_again(given)

    def call_again(self, given: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
        """PyTorch's outputs, by the module as the last call left it."""
        return _arrays(self.results(given))

    def results(self, given: Mapping[str, torch.Tensor]) -> Any:
        """Results of the module, as it returns them."""
        method = getattr(self.module, self.component.method)
        return method(**given) if self.by_name else method(*given.values())

    def watched(self, given: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
        """The same as `call`, and what was called."""
        owned = (*self.module.parameters(), *self.module.buffers())
        watch = Watch(given.values(), owned)
        try:
            self.memory.restore()
            with watch:
                results = self.results(given)
            return _arrays(results)
        finally:
            self.calls, self.tables = watch.calls, watch.tables
            self._codes |= watch.codes

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        """PyTorch's outputs for copies of the feeds."""
        return self.call(tensors_of(feeds))

    def graph(self, feeds: Feeds) -> list[np.ndarray]:
        """The graph's outputs."""
        assert self.session is not None
        names = [item.name for item in self.session.get_inputs()]
        return self.session.run(None, dict(zip(names, feeds.values(), strict=True)))

    def export(self, feeds: Feeds, path: Path) -> None:
        """Make the graph, and record the conditions under which it holds."""
        given = {name: torch.from_numpy(value) for name, value in feeds.items()}
        axes = tuple(dict.fromkeys(names, Dim.DYNAMIC) for names in dynamic_shapes(self.component))
        args, kwargs = ((), given) if self.by_name else (tuple(given.values()), {})
        shapes: Any = dict(zip(given, axes, strict=True)) if self.by_name else (axes,)
        module = self.module if self.by_name else Method(self.module, self.component.method)
        for name in RECURRENT:
            getattr(torch.ops.aten, name).input._dispatch_cache.clear()
        self.memory.restore()
        # torch.export prints the graph so far where it fails.
        with recorded_guards() as self.guards, contextlib.redirect_stderr(io.StringIO()):
            exported = torch.onnx.export(module, args, kwargs=kwargs, dynamic_shapes=shapes, dynamo=True, verbose=False)
        assert exported is not None  # as it is where `dynamo` is set
        self.nodes = nodes_of(exported.model)
        exported.save(str(path))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = FATAL  # what fails is told by the diagnosis
        self.session = new_session(str(path), options)


def tensors_of(feeds: Feeds) -> dict[str, torch.Tensor]:
    """Copies of the feeds as tensors."""
    return {name: torch.from_numpy(value.copy()) for name, value in feeds.items()}


def _arrays(results: Any) -> list[np.ndarray]:
    flat = torch.utils._pytree.tree_leaves(results)
    return [value.detach().numpy().copy() for value in flat if isinstance(value, torch.Tensor)]
