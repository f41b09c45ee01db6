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

The weights of products are quantised one after the other, while the graph is written: memory holds one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from espnet2.export.quiet import quiet
from espnet2.export.trace import fold_weights
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX
from espnet2.utils.work_directory import work_directory

# Operator: which of its inputs are weights.
WEIGHTS = {"MatMul": (1,), "Gemm": (1,), "LSTM": (1, 2)}
FEATURES, OUTPUTS = ("Log",), ("LogSoftmax",)
# Weights of an operator, as a share of the largest one's, below which it takes no time that counts: attention of
# recurrent decoders has such, and its weights are 80 times as far from those of fp32 where they are quantised.
LEAST_SHARE = 0.01
LARGEST = 127  # of a weight in 8 bits, symmetric around 0


def quantize_int8(source: Path, target: Path, outputs: bool = True) -> Path | None:
    """Write the int8 sibling of the graph `source` to `target`.

    Args:
        source: A graph in fp32.
        target: The file to write, with its weights beside it where those of `source` are. Files of these names are
            removed first.
        outputs: Whether output projections, whose results a logarithm of probabilities reads, are quantised too.

    Returns:
        `target`, or None where there is nothing to quantise and nothing was written.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    external = source.with_name(source.name + EXTERNAL_DATA_SUFFIX).exists()
    for former in (target, target.with_name(target.name + EXTERNAL_DATA_SUFFIX)):  # onnx appends to a file of weights
        former.unlink(missing_ok=True)
    with quiet(), work_directory(target.parent, "espnet-quantize") as directory:
        model = _folded(source)
        nodes = list(_quantizable(model.graph, FEATURES if outputs else FEATURES + OUTPUTS))
        if not nodes:
            return None
        _separate_weights(model.graph, nodes)
        weights = _stand_ins(nodes)
        names = [node.name or "" for node in nodes]
        bare, small = (Path(directory) / name for name in ("model.onnx", "int8.onnx"))
        data = EXTERNAL_DATA_SUFFIX if external else None
        ir.save(model, bare, external_data=data and bare.name + data)
        quantize_dynamic(
            bare,
            small,
            op_types_to_quantize=["MatMul", "LSTM"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            # onnxruntime splits Gemm into a product of this name and a sum.
            nodes_to_quantize=[*names, *(f"{name}_MatMul" for name in names)],
            use_external_data_format=external,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # where shapes of stand-ins do not fit
        )
        made = ir.load(small)
        _fill(made.graph, weights)
        ir.save(made, target, external_data=data and target.name + data)
    return target


def _folded(source: Path) -> ir.Model:
    """The graph with weights that are computed from constants (those of LSTMs are) as constants."""
    model = ir.load(source)
    weights = (value.const_value for value in model.graph.initializers.values())
    largest = max((weight.size for weight in weights if weight is not None), default=0)
    fold_weights(model, input_size_limit=largest, output_size_limit=largest)
    # onnxruntime takes recorded shapes for facts when it splits Gemm, and fails on them.
    for node in model.graph.all_nodes():
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = value.type = None
    return model


def _quantizable(graph: ir.Graph, logarithms: tuple[str, ...]) -> Iterator[ir.Node]:
    """The nodes with constant weights, except products that such logarithms read, and those of `LEAST_SHARE`."""
    kept, sizes = _read_by(graph, logarithms), {}
    for node in graph:
        weights = [node.inputs[index] for index in WEIGHTS.get(node.op_type, ())]
        constants = [graph.initializers.get(value.name or "") for value in weights if value is not None]
        values = [value.const_value for value in constants if value is not None and value.const_value is not None]
        if weights and len(values) == len(weights):
            sizes[node] = sum(value.size for value in values)
    least = LEAST_SHARE * max(sizes.values(), default=0)
    return (node for node, size in sizes.items() if node.name and node.name not in kept and size >= least)


def _separate_weights(graph: ir.Graph, nodes: Sequence[ir.Node]) -> None:
    """Give each node weights of its own: `session.x64quantprecision` fails where two int8 products share theirs."""
    seen = set()
    for node in nodes:
        for index in WEIGHTS[node.op_type]:
            value = node.inputs[index]
            assert value is not None and value.const_value is not None  # as they are quantisable
            if value.name in seen:
                copy = ir.Value(name=f"{value.name}_of_{node.name}", type=value.type, shape=value.shape)
                copy.const_value = value.const_value
                graph.register_initializer(copy)
                node.replace_input_with(index, copy)
            seen.add(value.name)


def _stand_ins(nodes: Sequence[ir.Node]) -> dict[str, ir.TensorProtocol]:
    """Take the weights (K, N) out of products, by name; rows of zeros (1, N) stand in for them.

    `quantize_dynamic` holds all weights of a graph several times.
    """
    found = {}
    for node in nodes:
        value = node.inputs[1]
        assert value is not None and value.const_value is not None  # as it is quantisable
        weight = value.const_value
        if node.op_type == "LSTM" or len(weight.shape) != 2 or len(value.uses()) > 1:
            continue
        if node.op_type == "Gemm" and node.attributes.get_int("transB"):
            node.attributes["transB"] = ir.AttrInt64("transB", 0)
            weight = _transposed(weight)
        row = np.zeros((1, *weight.shape.numpy()[1:]), np.float32)
        value.const_value, value.shape = ir.tensor(row, name=value.name), ir.Shape(row.shape)
        found[value.name or ""] = weight
    return found


def _transposed(weight: ir.TensorProtocol) -> ir.TensorProtocol:
    """The transpose of a matrix, which is computed where it is read."""
    rows, columns = weight.shape.numpy()
    return ir.LazyTensor(
        lambda: ir.tensor(np.ascontiguousarray(weight.numpy().T)), weight.dtype, ir.Shape([columns, rows])
    )


def _fill(graph: ir.Graph, weights: Mapping[str, ir.TensorProtocol]) -> None:
    """Give weights in 8 bits (K, N) and their scales (N,) to a graph that was quantised with stand-ins."""
    for name, weight in weights.items():
        scale = _scale(weight.numpy())
        small = graph.initializers[f"{name}_quantized"]
        small.const_value = ir.LazyTensor(
            functools.partial(_in_8_bits, weight, scale),
            ir.DataType.INT8,
            ir.Shape(weight.shape.numpy()),
            name=small.name,
        )
        small.shape = ir.Shape(weight.shape.numpy())
        scales = graph.initializers[f"{name}_scale"]
        scales.const_value = ir.tensor(scale, name=scales.name)


def _scale(weight: np.ndarray) -> np.ndarray:
    """Scale (N,) of each output channel of a weight (K, N); 1 where all of it is zero."""
    scale = np.abs(weight).max(axis=0).astype(np.float64) / LARGEST
    return np.where(scale < np.finfo(np.float32).tiny, 1, scale).astype(np.float32)


def _in_8_bits(weight: ir.TensorProtocol, scale: np.ndarray) -> ir.TensorProtocol:
    """A weight (K, N) over its scale (N,), rounded, in 8 bits."""
    return ir.tensor(np.clip(np.rint(weight.numpy() / scale), -LARGEST, LARGEST).astype(np.int8))


def _read_by(graph: ir.Graph, operators: tuple[str, ...]) -> set[str | None]:
    """Names of the products whose results reach such an operator without another product between."""
    found, seen = set(), set()
    waiting = [value for node in graph if node.op_type in operators for value in node.inputs]
    while waiting:
        value = waiting.pop()
        node = value.producer() if value is not None else None
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.op_type in WEIGHTS:
            found.add(node.name)
        else:
            waiting.extend(node.inputs)
    return found
