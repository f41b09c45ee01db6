"""A component becomes an ONNX file through plain `torch.onnx.export`, with every named axis dynamic."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx_ir as ir
import torch
from onnx_ir.passes.common import RemoveUnusedNodesPass
from onnxscript.optimizer import fold_constants

from espnet2.export.declared import require_exported_axes
from espnet2.export.examples import draw, dynamic_shapes, trace_sizes
from espnet2.export.nodes import nodes_of, write_nodes
from espnet2.export.quiet import quiet
from espnet2.interface.spec import Axis, Component

OPSET = 20
# Weights above this are a file of their own, which onnxruntime maps into memory: such graphs open in two thirds of the
# time. A protobuf file cannot hold 2 GB anyway.
EXTERNAL_DATA_BYTES = 100_000_000
# Operators that only rearrange. A result is at most as large as the inputs together, or with Pad as the padded input.
# A weight that has several results, or is read as it is, too, as an embedding that is an output projection, is stored
# once for each.
FOLDED = frozenset({"Concat", "Pad", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})


class Method(torch.nn.Module):
    """Lets a method other than `forward` be exported; it computes nothing itself."""

    def __init__(self, module: torch.nn.Module, method: str) -> None:
        super().__init__()
        self.module = module
        self.method = method

    def forward(self, *arguments: torch.Tensor):
        return getattr(self.module, self.method)(*arguments)


def export_component(
    module: torch.nn.Module,
    component: Component,
    path: Path | str,
    metadata: Mapping[str, str] | None = None,
    debug: Path | None = None,
) -> Path:
    """Export `component` of `module` to `path`; the interface and `metadata` go into the model's `metadata_props`.

    The origins of its nodes are written to the file `debug`, where one is given.

    Raises whatever `torch.onnx.export` raises, among it an error for each named axis that got specialised, and
    `VerificationError` where the graph's outputs have other axes than the component declares.
    """
    program = traced(module, component)
    if debug is not None:
        write_nodes(debug, nodes_of(program.model))
    _publish(program.model, component, metadata or {})
    weights = (value.const_value for value in program.model.graph.initializers.values())
    size = sum(weight.nbytes for weight in weights if weight is not None)
    program.save(str(path), external_data=size > EXTERNAL_DATA_BYTES)
    return Path(path)


def traced(module: torch.nn.Module, component: Component) -> torch.onnx.ONNXProgram:
    """`component` of `module` as the exporter makes it, with weights as products read them."""
    feeds = draw(component, trace_sizes(component))
    # Without gradients, of which a loop of a graph (`torch.ops.higher_order.scan`) would keep what has no place there.
    with torch.no_grad(), quiet(), _rare_collections():
        program = torch.onnx.export(
            Method(module.eval(), component.method),
            tuple(torch.from_numpy(feeds[tensor.name]) for tensor in component.feeds),
            input_names=[tensor.name for tensor in component.feeds],
            output_names=[tensor.name for tensor in component.results],
            dynamic_shapes=(dynamic_shapes(component),),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # as it is where `dynamo` is set
    fold_weights(program.model)
    return program


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for garbage seldom: the exporter makes millions of small objects, few of which are."""
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def fold_weights(model: ir.Model, **limits: int) -> None:
    """Store weights as products read them: only constant weights are quantised.

    The exporter leaves that to the runtime for tensors above a small size. `limits` are those of `fold_constants` for
    operators that do more than rearrange.
    """
    with quiet():
        fold_constants(model, should_fold=lambda node: True if node.op_type in FOLDED else None, **limits)
        RemoveUnusedNodesPass()(model)


def _axes(value: ir.Value) -> list[Axis | None]:
    """Sizes, and names or formulas of them, of an output as the exporter found them."""
    return [axis if isinstance(axis, int) else axis.value for axis in value.shape or ()]


def _publish(model: ir.Model, component: Component, metadata: Mapping[str, str]) -> None:
    """Keep what users need: declared axes, which are checked; weights' names, as in the checkpoint; no stack traces.

    Weights that were rearranged, as those of convolutions that became products, have the names of operators' results.
    """
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
    taken = {output.name for node in model.graph.all_nodes() for output in node.outputs}
    taken |= {value.name for value in model.graph.inputs}
    for value in list(model.graph.initializers.values()):
        name = (value.name or "").removeprefix("module.")
        value.name = value.name if name in taken else name  # a parameter `mean`, where a node computes another
    require_exported_axes(component, [_axes(value) for value in model.graph.outputs])
    for value, tensor in zip(model.graph.outputs, component.results, strict=True):
        value.shape = ir.Shape(tensor.axes)
    model.metadata_props.clear()
    model.metadata_props.update({"interface": json.dumps(component.to_dict()), **metadata})
