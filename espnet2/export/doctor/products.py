"""Multiply-adds of an operator, by the shapes that onnxruntime's profile tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shapes = Sequence[Sequence[int]]


def _matmul(inputs: Shapes, output: Sequence[int]) -> int:
    return math.prod(output) * (inputs[0][-1] if inputs[0] else 1)


def _gemm(inputs: Shapes, output: Sequence[int]) -> int:
    """The inner size is that of the first input which the output has not; its matrices may be transposed."""
    return math.prod(inputs[0]) * output[-1]


def _conv(inputs: Shapes, output: Sequence[int]) -> int:
    """Each output value is a product over a filter: (M, C / groups, *kernel)."""
    return math.prod(output) * math.prod(inputs[1][1:])


def _conv_transposed(inputs: Shapes, output: Sequence[int]) -> int:
    """Each input value meets a filter: (C, M / groups, *kernel)."""
    return math.prod(inputs[0]) * math.prod(inputs[1][1:])


def _recurrent(inputs: Shapes, output: Sequence[int]) -> int:
    """Both weights, (directions, gates * H, input size or H), at every step of every item."""
    return math.prod(inputs[0][:2]) * (math.prod(inputs[1]) + math.prod(inputs[2]))


COUNTS: dict[str, Callable[[Shapes, Sequence[int]], int]] = {
    "MatMul": _matmul,
    "FusedMatMul": _matmul,
    "MatMulInteger": _matmul,
    "MatMulIntegerToFloat": _matmul,
    "DynamicQuantizeMatMul": _matmul,
    "Gemm": _gemm,
    "FusedGemm": _gemm,
    "Conv": _conv,
    "FusedConv": _conv,
    "ConvTranspose": _conv_transposed,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
}


def products_of(told: Mapping[str, Any]) -> int:
    """Multiply-adds of one run of an operator; 0 for operators that are no products."""
    count = COUNTS.get(told["op_name"])
    inputs, outputs = (_shapes(told.get(f"{side}_type_shape", ())) for side in ("input", "output"))
    return count(inputs, outputs[0]) if count and outputs and len(inputs) > 1 else 0


def _shapes(told: Sequence[Mapping[str, Sequence[int]]]) -> list[Sequence[int]]:
    return [shape for item in told for shape in item.values()]
