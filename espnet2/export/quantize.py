"""Dynamically quantised siblings of exported graphs (int8 weights, activations quantised on the fly).

Matrix products and LSTMs with constant weights are quantised: weights to signed 8 bits with a scale for each output
channel, inputs to unsigned 8 bits with a scale for the tensor. One form for all components, since it was the fastest
for each number of rows. How many times as fast as fp32, onnxruntime 1.32, one core of a Xeon with AMX (in parentheses
its VNNI instructions alone), products of layers of width 512:

| form | decoder's step, 10 rows | 160 rows | encoder, 300 rows |
|---|---|---|---|
| this one | 3.7 (3.1) | 4.9 (3.0) | 5.7 (3.0) |
| the same with unsigned weights | 2.0 (2.1) | 1.1 (1.1) | 1.2 (1.1) |
| `MatMulNBits`, 8 bits, blocks of 128 | 2.1 (2.2) | 1.2 (1.2) | 1.2 (1.2) |
| `MatMulNBits`, 4 bits, blocks of 128 | 2.6 (2.7) | 1.1 (1.1) | 1.1 (1.1) |
| LSTM of 512 units, this form | 3.2 (3.4) | 4.0 (4.3) | |

A scale for each channel takes no more time than one for the matrix, and texts are nearer to those of fp32. Where two
matrices have the same scale, onnxruntime even shares a factor, and then leaves four operators unfused.
Convolutions gain nothing, and the mel filter bank is not quantised: its powers span ten orders of magnitude.

Weights are quantised one after the other, while the graph is written: memory holds one of them. Numbers and operators
are those of `onnxruntime.quantization`, which reads no weights from outside of a loop's body.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from espnet2.export.quiet import quiet
from espnet2.export.trace import fold_weights
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX

# Operator: which of its inputs are weights.
WEIGHTS = {"MatMul": (1,), "Gemm": (1,), "LSTM": (1, 2)}
MICROSOFT = "com.microsoft"  # domain of the LSTM in 8 bits
LSTM_INPUTS = 8  # before those of weights in 8 bits
FEATURES, OUTPUTS = ("Log",), ("LogSoftmax",)
# Weights of an operator, as a share of the largest one's, below which it takes no time that counts: attention of
# recurrent decoders has such, and its weights are 80 times as far from those of fp32 where they are quantised.
LEAST_SHARE = 0.01
LARGEST = 127  # of a weight in 8 bits, symmetric around 0

Inputs = dict[tuple[ir.Graph, ir.Value], Sequence[ir.Value]]  # in 8 bits, scales and zero points, by graph and value


def quantize_int8(source: Path, target: Path, outputs: bool = True, parts: Sequence[Path] | None = None) -> Path | None:
    """Write the int8 sibling of the graph `source` to `target`.

    Args:
        source: A graph in fp32.
        target: The file to write, with its weights beside it where those of `source` are. Files of these names are
            removed first.
        outputs: Whether output projections, whose results a logarithm of probabilities reads, are quantised too.
        parts: Graphs that are parts of it, also inside of its loops: what is quantised is what would be in them.

    Returns:
        `target`, or None where there is nothing to quantise and nothing was written.
    """
    external = source.with_name(source.name + EXTERNAL_DATA_SUFFIX).exists()
    for former in (target, target.with_name(target.name + EXTERNAL_DATA_SUFFIX)):
        former.unlink(missing_ok=True)
    with quiet():
        model = _folded(source)
        if parts is None:
            nodes = _quantizable(model.graph, outputs)
        else:
            nodes = _with_weights_of(model.graph, {_digest(node) for path in parts for node in _of_file(path, outputs)})
        inputs: Inputs = {}
        for node in nodes:
            _quantize(model.graph, node, inputs)
        if not nodes:
            return None
        RemoveUnusedNodesPass()(model)
        ir.save(model, target, external_data=target.name + EXTERNAL_DATA_SUFFIX if external else None)
    return target


def _folded(source: Path) -> ir.Model:
    """The graph with weights that are computed from constants (those of LSTMs are) as constants."""
    model = ir.load(source)
    weights = (value.const_value for value in model.graph.initializers.values())
    largest = max((weight.size for weight in weights if weight is not None), default=0)
    fold_weights(model, input_size_limit=largest, output_size_limit=largest)
    return model


def _of_file(path: Path, outputs: bool) -> list[ir.Node]:
    return _quantizable(_folded(path).graph, outputs)


def _quantizable(graph: ir.Graph, outputs: bool) -> list[ir.Node]:
    """The nodes with constant weights, except products that logarithms read, and those of `LEAST_SHARE`."""
    kept = _read_by(graph, FEATURES if outputs else FEATURES + OUTPUTS)
    sizes = {node: sum(weight.size for weight in weights) for node, weights in _weighted(graph)}
    least = LEAST_SHARE * max(sizes.values(), default=0)
    return [node for node, size in sizes.items() if node not in kept and size >= least]


def _with_weights_of(graph: ir.Graph, digests: set[bytes]) -> list[ir.Node]:
    """The nodes, those of loops among them, whose weights have such digests."""
    return [node for node, _ in _weighted(graph.all_nodes()) if _digest(node) in digests]


def _weighted(nodes: Iterable[ir.Node]) -> Iterator[tuple[ir.Node, list[ir.TensorProtocol]]]:
    """Nodes that may be quantised, with their weights."""
    for node in nodes:
        read = [node.inputs[index] for index in WEIGHTS.get(node.op_type, ())]
        weights = [value.const_value for value in read if value is not None and value.is_initializer()]
        constant = [weight for weight in weights if weight is not None]
        if read and len(constant) == len(read) and _is_product_and_sum(node):
            yield node, constant


def _is_product_and_sum(node: ir.Node) -> bool:
    """Whether a Gemm is no more than these; other operators are not asked."""
    attributes = node.attributes
    factors = (attributes.get_float("alpha", 1.0), attributes.get_float("beta", 1.0))
    return node.op_type != "Gemm" or (factors == (1.0, 1.0) and not attributes.get_int("transA", 0))


def _weights(node: ir.Node) -> list[ir.TensorProtocol]:
    """Weights (..., K, N) of a node: of N results from K numbers, and transposed where it reads them so."""
    found = []
    for index in WEIGHTS[node.op_type]:
        value = node.inputs[index]
        assert value is not None and value.const_value is not None  # as it is quantisable
        turned = node.op_type == "LSTM" or bool(node.attributes.get_int("transB", 0))
        found.append(_transposed(value.const_value) if turned else value.const_value)
    return found


def _transposed(weight: ir.TensorProtocol) -> ir.TensorProtocol:
    """The transpose of the last two axes, which is computed where it is read."""
    *batch, rows, columns = weight.shape.numpy()
    return ir.LazyTensor(
        lambda: ir.tensor(np.ascontiguousarray(weight.numpy().swapaxes(-1, -2))),
        weight.dtype,
        ir.Shape([*batch, columns, rows]),
    )


def _digest(node: ir.Node) -> bytes:
    """Number that differs for other weights."""
    found = hashlib.blake2b(node.op_type.replace("Gemm", "MatMul").encode(), digest_size=16)
    for weight in _weights(node):
        found.update(repr(weight.shape.numpy()).encode() + np.ascontiguousarray(weight.numpy()).data)
    return found.digest()


def _quantize(main: ir.Graph, node: ir.Node, inputs: Inputs) -> None:
    """Put operators of 8 bits in the place of a node; constants become those of the main graph.

    Each node has weights of its own: `session.x64quantprecision` fails where two int8 products share theirs.
    """
    assert isinstance(node.graph, ir.Graph)  # as a model's nodes are
    new = _lstm(main, node) if node.op_type == "LSTM" else _product(main, node, node.graph, inputs)
    ir.convenience.replace_nodes_and_values(node.graph, node, [node], new, node.outputs, new[-1].outputs)


def _product(main: ir.Graph, node: ir.Node, graph: ir.Graph, inputs: Inputs) -> list[ir.Node]:
    """Nodes of a product, and of a Gemm's sum; the first product that reads a value quantises it."""
    x, name = node.inputs[0], node.outputs[0].name
    assert x is not None
    new = []
    if (graph, x) not in inputs:
        new.append(ir.Node("", "DynamicQuantizeLinear", [x], num_outputs=3, name=f"{name}_input"))
        for value, suffix in zip(new[0].outputs, ("quantized", "scale", "zero_point"), strict=True):
            value.name = f"{name}_input_{suffix}"
        inputs[graph, x] = new[0].outputs
    small, scale, zero_point = inputs[graph, x]
    (weight,) = _weights(node)
    weights, weight_scale, weight_zero_point = _constants(main, node, 1, weight)

    def add(operator: str, *read: ir.Value | None, **attributes: int) -> ir.Value:
        made = ir.node(operator, read, attributes, name=f"{name}_{len(new)}")
        made.outputs[0].name = f"{name}_{operator}_{len(new)}"
        new.append(made)
        return made.outputs[0]

    sums = add("MatMulInteger", small, weights, zero_point, weight_zero_point)
    product = add("Mul", add("Cast", sums, to=int(ir.DataType.FLOAT)), add("Mul", scale, weight_scale))
    if node.op_type == "Gemm" and len(node.inputs) > 2:
        add("Add", product, node.inputs[2])
    return new


def _lstm(main: ir.Graph, node: ir.Node) -> list[ir.Node]:
    main.opset_imports.setdefault(MICROSOFT, 1)
    small, scaling = [], []
    for index, weight in zip(WEIGHTS["LSTM"], _weights(node), strict=True):
        weights, scale, zero_point = _constants(main, node, index, weight)
        small.append(weights)
        scaling += [scale, zero_point]
    others = [*node.inputs[3:], *[None] * (LSTM_INPUTS - len(node.inputs))]
    attributes = [attribute for name, attribute in node.attributes.items() if name != "layout"]
    inputs = [node.inputs[0], *small, *others, *scaling]
    new = ir.Node(MICROSOFT, "DynamicQuantizeLSTM", inputs, attributes, num_outputs=len(node.outputs), name=node.name)
    return [new]


def _constants(main: ir.Graph, node: ir.Node, index: int, weight: ir.TensorProtocol) -> list[ir.Value]:
    """Constants for the weight of a node at an input: in 8 bits, its scales, and zero points, which are zero."""
    scale = _scale(weight.numpy(), node.op_type)
    shape = ir.Shape(weight.shape.numpy())
    small = ir.LazyTensor(functools.partial(_in_8_bits, weight, scale), ir.DataType.INT8, shape)
    tensors = {"quantized": small, "scale": ir.tensor(scale), "zero_point": ir.tensor(np.zeros(scale.shape, np.int8))}
    value = node.inputs[index]
    name = value.name if value is not None else ""
    if f"{name}_quantized" in main.initializers:
        name = f"{name}_of_{node.outputs[0].name}"
    made = []
    for suffix, tensor in tensors.items():
        tensor.name = f"{name}_{suffix}"
        constant = ir.Value(name=tensor.name, type=ir.TensorType(tensor.dtype), const_value=tensor)
        constant.shape = ir.Shape(tensor.shape.numpy())
        main.register_initializer(constant)
        made.append(constant)
    return made


def _scale(weight: np.ndarray, operator: str) -> np.ndarray:
    """Scale of each output channel of a weight, the last axis, of an LSTM in each direction; 1 where all is zero."""
    axes = -2 if operator == "LSTM" else tuple(range(weight.ndim - 1))
    scale = np.abs(weight).max(axis=axes).astype(np.float64) / LARGEST
    return np.where(scale < np.finfo(np.float32).tiny, 1, scale).astype(np.float32)


def _in_8_bits(weight: ir.TensorProtocol, scale: np.ndarray) -> ir.TensorProtocol:
    """A weight (..., K, N) over its scale (..., N), rounded, in 8 bits."""
    divisor = np.expand_dims(scale, -2)
    return ir.tensor(np.clip(np.rint(weight.numpy() / divisor), -LARGEST, LARGEST).astype(np.int8))


def _read_by(graph: ir.Graph, operators: tuple[str, ...]) -> set[ir.Node]:
    """The products whose results reach such an operator without another product between."""
    found, seen = set(), set()
    waiting = [value for node in graph if node.op_type in operators for value in node.inputs]
    while waiting:
        value = waiting.pop()
        node = value.producer() if value is not None else None
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.op_type in WEIGHTS:
            found.add(node)
        else:
            waiting.extend(node.inputs)
    return found
