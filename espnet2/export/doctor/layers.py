"""PyTorch and onnxruntime layer by layer: outputs of modules against values of the graph, and where they first part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.doctor.flow import made_inside
from espnet2.export.nodes import Frame, Node
from espnet2.interface.check import TOLERANCE
from espnet2.interface.spec import Component
from espnet2.runtime.compare import difference
from espnet2.runtime.session import new_session, session_options

Feeds = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Layer:
    """A module's path, the largest difference of its output, and the node that computes it.

    Where a module is called several times, each call is a layer: `call` counts them from 1.
    """

    module: str
    difference: float
    node: Node
    call: int = 1

    @property
    def parts(self) -> bool:
        """Whether it is more than the tolerance, or not a number."""
        return not self.difference <= TOLERANCE

    @property
    def name(self) -> str:
        """The module's path, and which call of it."""
        return self.module + (f" (call {self.call})" if self.call > 1 else "")


@dataclass(frozen=True)
class Step:
    """A node inside a module, and the difference of its output from what PyTorch computes on the same line."""

    node: Node
    difference: float


@dataclass(frozen=True)
class Comparison:
    """A graph in one case: its layers, and the nodes inside the first one that parts, up to the one that parts."""

    graph: str
    label: str
    layers: Sequence[Layer]
    inside: Sequence[Step] = ()

    @property
    def first(self) -> Layer | None:
        """The first layer that parts."""
        return next((layer for layer in self.layers if layer.parts), None)

    def __str__(self) -> str:
        width = max((len(layer.name) for layer in self.layers), default=0)
        lines = [f"{self.graph}, {self.label}:"]
        lines += [f"{layer.name:{width}}  {layer.difference:.2e}{'  PARTS' * layer.parts}" for layer in self.layers]
        if self.first is None:
            return "\n".join([*lines, "PyTorch and onnxruntime agree in every layer"])
        lines.append(f"inside of {self.first.name}, node by node:" if self.inside else "")
        lines += [f"  {step.difference:.2e}  {step.node.name}: {step.node.operator}" for step in self.inside]
        node = self.inside[-1].node if self.inside else self.first.node
        where = node.frames[-1] if node.frames else "unknown line"
        return "\n".join([*filter(None, lines), f"they first part in {self.first.name}, node {node.name}, {where}"])


def compare_layers(
    module: torch.nn.Module, component: Component, graph: str | Path, feeds: Feeds, nodes: Sequence[Node]
) -> list[Layer]:
    """The layers whose outputs are values of the graph in the file `graph`, in the order in which they finish.

    A value is taken for a module's output if it is used outside of the module and has its shape; of several, the
    nearest counts. `nodes` are those of the graph.
    """
    outputs = _outputs_of_modules(module, component, feeds)
    times = Counter(path for path, _ in outputs)
    paths = {path: _paths_of(module, path) for path in times}
    candidates = {path: _leaving(nodes, path) if times[path] == 1 else _written(nodes, paths[path]) for path in times}
    values = _values(graph, {name for found in candidates.values() for name in found}, feeds)
    layers, calls = [], Counter[str]()
    for path, expected in outputs:
        near = _nearest(expected, {name: values[name] for name in candidates[path] if name in values})
        if near is not None:
            node = candidates[path][near[1]]
            called = next((name for name in paths[path] if node.within(name)), path)
            calls[called] += 1
            layers.append(Layer(called, near[0], node, calls[called]))
    return layers


def _paths_of(module: torch.nn.Module, path: str) -> list[str]:
    """All paths of the module at a path, which several others may share, as an activation."""
    shared = module.get_submodule(path)
    return [name for name, part in module.named_modules(remove_duplicate=False) if part is shared]


def compare(
    graph: str,
    label: str,
    part: tuple[torch.nn.Module, Component],
    file: str | Path,
    feeds: Feeds,
    nodes: Sequence[Node],
) -> Comparison:
    """The layers of a graph, and the nodes inside the first layer that parts."""
    layers = compare_layers(*part, file, feeds, nodes)
    found = Comparison(graph, label, layers)
    if found.first is None:
        return found
    inside = [node for node in nodes if node.within(found.first.module)]
    return Comparison(graph, label, layers, _steps(part, found.first.module, inside, file, feeds))


def _steps(
    part: tuple[torch.nn.Module, Component], path: str, nodes: Sequence[Node], file: str | Path, feeds: Feeds
) -> list[Step]:
    """The nodes whose values PyTorch computes, too, up to the first one that parts; empty where none of them does."""
    with made_inside(part[0].get_submodule(path)) as flow:
        TorchGraph(part[0].eval(), part[1])(feeds)
    values = _values(file, {name for node in nodes for name in node.outputs}, feeds)
    of_line: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    writers = {name: node for node in nodes if node.frames for name in node.outputs if name in values}
    for name, node in writers.items():
        of_line.setdefault(_place(node.frames[-1]), {})[name] = values[name]
    steps: list[Step] = []
    calls = [(_place(call.frame), tensor.numpy()) for call in flow.calls if call.frame for tensor in call.made]
    for place, made in calls:
        near = _nearest(made, of_line.get(place, {}))
        if near is None or (near[0] > TOLERANCE and _is_another(values[near[1]], place, calls)):
            continue
        steps.append(Step(writers[near[1]], near[0]))
        if not near[0] <= TOLERANCE:
            return steps
    return []


def _place(frame: Frame) -> tuple[str, int]:
    """A line, wherever the package lies."""
    return Path(frame.file).name, frame.line


def _is_another(value: np.ndarray, place: tuple[str, int], calls: Sequence[tuple[tuple[str, int], np.ndarray]]) -> bool:
    """Whether a value of the graph is what another call on the line made, so that the graph has none of this one."""
    return any(difference(made, value) <= TOLERANCE for other, made in calls if other == place)


def _nearest(expected: np.ndarray, values: Mapping[str, np.ndarray]) -> tuple[float, str] | None:
    """The smallest difference from values of the same shape and dtype, and the value's name."""
    alike = {n: v for n, v in values.items() if v.shape == expected.shape and v.dtype == expected.dtype}
    return min(((difference(expected, value), name) for name, value in alike.items()), default=None)


def _outputs_of_modules(module: torch.nn.Module, component: Component, feeds: Feeds) -> list[tuple[str, np.ndarray]]:
    """The first output of each call of a module, with its path, in the order in which they finish."""
    found: list[tuple[str, np.ndarray]] = []

    def keep(path: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            tensors = [t for t in torch.utils._pytree.tree_leaves(output) if isinstance(t, torch.Tensor)]
            if tensors and tensors[0].is_floating_point():
                found.append((path, tensors[0].detach().numpy().copy()))

        return hook

    handles = [part.register_forward_hook(keep(path)) for path, part in module.named_modules() if path]
    try:
        TorchGraph(module.eval(), component)(feeds)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _leaving(nodes: Sequence[Node], path: str) -> dict[str, Node]:
    """Values that a module's nodes write and others read, or nobody does, by name."""
    inside = [node for node in nodes if node.within(path)]
    read = {name for node in inside for name in node.inputs}
    outside = {name for node in nodes if not node.within(path) for name in node.inputs}
    return {name: node for node in inside for name in node.outputs if name in outside or name not in read}


def _written(nodes: Sequence[Node], paths: Sequence[str]) -> dict[str, Node]:
    """Values that a module's nodes write, by name: a module that is called again may read what it returned."""
    return {name: node for node in nodes if any(map(node.within, paths)) for name in node.outputs}


def _values(graph: str | Path, names: Iterable[str], feeds: Feeds) -> dict[str, np.ndarray]:
    """Values inside the graph, as onnxruntime computes them."""
    model = onnx.load(str(graph))
    written = {name for node in model.graph.node for name in node.output}
    present = {value.name for value in model.graph.output}
    wanted = sorted(set(names) & written)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted if name not in present)
    session = new_session(model.SerializeToString(), session_options(1))
    given = {item.name: feeds[item.name] for item in session.get_inputs()}
    return dict(zip(wanted, session.run(wanted, given), strict=True)) if wanted else {}
