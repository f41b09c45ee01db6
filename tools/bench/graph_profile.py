"""Profile of a component's graph, by onnxruntime: time, multiply-adds and weights of each operator."""

from __future__ import annotations

import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from machine import Machine
from onnx import TensorProto

from espnet2.interface.spec import Component
from espnet2.runtime.session import disabled_optimizers, session_options

BITS = {TensorProto.INT8: 8, TensorProto.UINT8: 8, TensorProto.FLOAT16: 16, TensorProto.FLOAT: 32}
RECURRENT = {"LSTM": 3, "GRU": 3, "DynamicQuantizeLSTM": 3}  # axes of weights, where biases have two
CONVOLUTIONS = ("Conv", "FusedConv", "NhwcFusedConv")
TRANSPOSED = "ConvTranspose"
INT8 = 8
MATRIX = 2  # axes of weights that are multiplied, others are biases and scales


@dataclass(frozen=True)
class Node:
    """One operator of a graph: seconds of a call, bytes of its weights and bits of one, and its multiply-adds."""

    operator: str
    seconds: float
    weights: float
    bits: int
    multiply_adds: float

    @property
    def product(self) -> bool:
        """Whether it is a product with weights."""
        return self.weights > 0

    @property
    def convolution(self) -> bool:
        """Whether it is a convolution, plain, grouped or transposed."""
        return self.operator in (TRANSPOSED, *CONVOLUTIONS)

    def limit(self, machine: Machine) -> float:
        """Seconds that a product takes at least on one core of a machine."""
        return machine.limit(self.weights, self.multiply_adds, quantized=self.bits == INT8)


def profile(
    path: str | Path, component: Component, feeds: Mapping[str, np.ndarray], runs: int = 30, warmup: int = 3
) -> list[Node]:
    """Run the graph in the file `path` on one thread: its operators, with the medians of their times."""
    options = session_options(1)
    with tempfile.TemporaryDirectory() as directory:
        options.enable_profiling = True
        options.profile_file_prefix = f"{directory}/profile"
        options.optimized_model_filepath = f"{directory}/optimized.onnx"
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights")
        options.log_severity_level = 3  # a saved graph is tied to the processor, which is known here
        session = onnxruntime.InferenceSession(str(path), options, disabled_optimizers=disabled_optimizers())
        given = {tensor.name: np.ascontiguousarray(feeds[tensor.name], tensor.dtype) for tensor in component.feeds}
        for _ in range(warmup + runs):
            session.run(None, given)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        weights = _weights(onnx.load(options.optimized_model_filepath, load_external_data=False))
    calls: dict[int, list[Any]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            calls[int(event["args"]["node_index"])].append(event)
    return [_node(of_node, weights, warmup) for of_node in calls.values()]


def _node(events: Sequence[Any], weights: Mapping[str, tuple[int, int]], warmup: int) -> Node:
    first, arguments = events[0], events[0]["args"]
    seconds = float(np.median([event["dur"] for event in events[warmup:]])) / 1e6
    elements, bits = weights.get(first["name"].removesuffix("_kernel_time"), (0, 0))
    out, given = (_shape(arguments[key]) for key in ("output_type_shape", "input_type_shape"))
    operator = arguments["op_name"]
    if operator == TRANSPOSED:  # each value of the input is multiplied with all weights of its channel
        adds = math.prod(given) * elements / max(given[1], 1)
    elif elements:
        channels = out[1] if operator in CONVOLUTIONS else out[-1]
        adds = math.prod(out) * elements / max(channels, 1)
    else:
        adds = math.prod(out) * given[-1] if "MatMul" in operator else 0
    return Node(operator, seconds, elements * bits / 8, bits, adds)


def _shape(values: Sequence[Mapping[str, Sequence[int]]]) -> Sequence[int]:
    """Shape of the first of some values; (1,) of a scalar."""
    return (next(iter(values[0].values())) if values else ()) or (1,)


def _weights(model: onnx.ModelProto) -> dict[str, tuple[int, int]]:
    """Elements, and bits of each, of the constant matrices that each product of a graph reads, by the node's name."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        if not (
            "MatMul" in node.op_type or node.op_type in ("Gemm", "FusedGemm", TRANSPOSED, *CONVOLUTIONS, *RECURRENT)
        ):
            continue
        packed = {a.name: a.i for a in node.attribute if a.name in ("K", "N", "bits")}
        for name in node.input:
            tensor = constants.get(name)
            if tensor is None or len(tensor.dims) < RECURRENT.get(node.op_type, MATRIX):
                continue
            elements = packed["K"] * packed["N"] if "bits" in packed else math.prod(tensor.dims)
            bits = packed.get("bits") or BITS[tensor.data_type]
            before = found.get(node.name, (0, 0))
            recurrent = node.op_type in RECURRENT  # weights of inputs and of states
            found[node.name] = (before[0] + elements, bits) if recurrent else max(before, (elements, bits))
    return found
