"""PyTorch and onnxruntime layer by layer: outputs of modules against values of the graph, and where they first part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet2.export.nodes import Node
from espnet2.interface.check import TOLERANCE
from espnet2.interface.spec import Component
from espnet2.runtime.compare import difference
from espnet2.runtime.session import session_options
from espnet2.utils.figure import BLUE, GREY, fonts, new_figure, save


@dataclass(frozen=True)
class Layer:
    """A module's path, the largest difference of its output, and the node that computes it."""

    module: str
    difference: float
    node: Node

    @property
    def parts(self) -> bool:
        """Whether it is more than the tolerance, or not a number."""
        return not self.difference <= TOLERANCE


def compare_layers(
    module: torch.nn.Module,
    component: Component,
    graph: str | Path,
    feeds: Mapping[str, np.ndarray],
    nodes: Sequence[Node],
) -> list[Layer]:
    """The layers whose outputs are values of the graph in the file `graph`, in the order in which they finish.

    A value is taken for a module's output if it is used outside of the module and has its shape; of several, the
    nearest counts. `nodes` are those of the graph.
    """
    outputs = _outputs_of_modules(module, component, feeds)
    candidates = {path: _leaving(nodes, path) for path in outputs}
    names = {name for found in candidates.values() for name in found}
    values = _values(graph, names, feeds)
    layers = []
    for path, expected in outputs.items():
        near = [
            (difference(expected, values[name]), name)
            for name in candidates[path]
            if name in values and values[name].shape == expected.shape and values[name].dtype == expected.dtype
        ]
        if near:
            worst, name = min(near)
            layers.append(Layer(path, worst, candidates[path][name]))
    return layers


def _outputs_of_modules(
    module: torch.nn.Module, component: Component, feeds: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The first output of each module that runs once, by its path, in the order in which they finish."""
    found: dict[str, list[np.ndarray]] = {}

    def keep(path: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            tensors = [t for t in torch.utils._pytree.tree_leaves(output) if isinstance(t, torch.Tensor)]
            if tensors and tensors[0].is_floating_point():
                found.setdefault(path, []).append(tensors[0].detach().numpy().copy())

        return hook

    handles = [part.register_forward_hook(keep(path)) for path, part in module.named_modules() if path]
    try:
        TorchGraph(module.eval(), component)(feeds)
    finally:
        for handle in handles:
            handle.remove()
    return {path: arrays[0] for path, arrays in found.items() if len(arrays) == 1}


def _leaving(nodes: Sequence[Node], path: str) -> dict[str, Node]:
    """Values that a module's nodes write and others read, or nobody does, by name."""
    inside = [node for node in nodes if node.within(path)]
    read = {name for node in inside for name in node.inputs}
    outside = {name for node in nodes if not node.within(path) for name in node.inputs}
    return {name: node for node in inside for name in node.outputs if name in outside or name not in read}


def _values(graph: str | Path, names: set[str], feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values inside the graph, as onnxruntime computes them."""
    model = onnx.load(str(graph))
    written = {name for node in model.graph.node for name in node.output}
    present = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names & written - present))
    session = onnxruntime.InferenceSession(model.SerializeToString(), session_options(1))
    given = {item.name: feeds[item.name] for item in session.get_inputs()}
    wanted = sorted(names & written)
    return dict(zip(wanted, session.run(wanted, given), strict=True)) if wanted else {}


def table(layers: Sequence[Layer]) -> str:
    """The layers as lines of text, and below them where PyTorch and onnxruntime first part."""
    width = max((len(layer.module) for layer in layers), default=0)
    lines = [f"{layer.module:{width}}  {layer.difference:.2e}{'  PARTS' * layer.parts}" for layer in layers]
    first = next((layer for layer in layers if layer.parts), None)
    if first is None:
        return "\n".join([*lines, "PyTorch and onnxruntime agree in every layer"])
    where = first.node.frames[-1] if first.node.frames else "unknown line"
    return "\n".join([*lines, f"they first part in {first.module}, node {first.node.name}, {where}"])


def draw_layers(layers: Sequence[Layer], path: str | Path) -> None:
    """Write a PNG of the difference over depth; raises `MissingPackageError` without matplotlib."""
    with fonts():
        figure = new_figure(8, 4, "constrained")
        axes = figure.add_subplot()
        axes.semilogy([max(layer.difference, 1e-9) for layer in layers], marker=".", color=BLUE)
        axes.axhline(TOLERANCE, linestyle="--", color=GREY)
        axes.set(xlabel="layer, in the order in which they finish", ylabel="largest difference")
        save(figure, Path(path))
