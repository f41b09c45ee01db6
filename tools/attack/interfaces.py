"""Graphs whose format is right, and whose inputs, outputs or values are not those of their bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from files import Damage
from onnx import helper, numpy_helper

FLOAT, INT64, DOUBLE, BOOL = 1, 7, 11, 9  # kinds of elements


def _model(change: Callable[[Any], object]) -> Damage:
    def damage(content: bytes, rng: Any) -> bytes:
        model = onnx.load_model_from_string(content)
        change(model.graph)
        return model.SerializeToString()

    return damage


def _kind(value: Any) -> int:
    return int(value.type.tensor_type.elem_type)


def _moved(graph: Any, old: str, new: str) -> str:
    """Let nodes of a graph make and read `new` in place of `old`; returns it."""
    for node in graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
        node.input[:] = [new if name == old else name for name in node.input]
    return new


def _behind(operator: str, kinds: Sequence[int], *constants: Any, becomes: int | None = None, **named: Any) -> Damage:
    """An operator behind each output of some kinds, with constants of the output's kind where they are no arrays."""

    def change(graph: Any) -> None:
        for number, value in enumerate(graph.output):
            kind = _kind(value)
            if kind not in kinds:
                continue
            names = [f"constant_{number}_{place}" for place in range(len(constants))]
            for name, constant in zip(names, constants, strict=True):
                dtype = np.float32 if kind == FLOAT else np.int64
                array = constant if isinstance(constant, np.ndarray) else np.array(constant, dtype)
                graph.initializer.append(numpy_helper.from_array(array, name))
            inner = _moved(graph, value.name, f"{value.name}_before")
            graph.node.append(helper.make_node(operator, [inner, *names], [value.name], **named))
            value.type.tensor_type.elem_type = becomes or kind

    return _model(change)


def _twice(graph: Any) -> None:
    """All outputs, repeated along their first axis."""
    for value in graph.output:
        inner = _moved(graph, value.name, f"{value.name}_before")
        graph.node.append(helper.make_node("Concat", [inner, inner], [value.name], axis=0))


def _static(values: Any) -> None:
    for value in values:
        for axis in value.type.tensor_type.shape.dim:
            axis.dim_value = 1


def _renamed(values: Any, graph: Any, name: str) -> None:
    values[0].name = _moved(graph, values[0].name, name)


def _kinds(values: Any, kind: int) -> None:
    for value in values:
        value.type.tensor_type.elem_type = kind


def _constant(graph: Any, shape: Sequence[int]) -> None:
    """A constant of many elements, which an output waits for."""
    graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), "large_shape"))
    graph.initializer.append(numpy_helper.from_array(np.array([0], np.float32), "nothing"))
    graph.node.append(helper.make_node("ConstantOfShape", ["large_shape"], ["large"]))
    graph.node.append(helper.make_node("ReduceSum", ["large"], ["large_sum"], keepdims=0))
    value = next((value for value in graph.output if _kind(value) == FLOAT), None)
    if value is None:
        return
    inner = _moved(graph, value.name, f"{value.name}_before")
    graph.node.append(helper.make_node("Add", [inner, "large_sum"], [value.name]))


_AXES = np.array([1], np.int64)
_NUMBERS = (FLOAT, INT64)
INTERFACES: Mapping[str, Damage] = {
    "scores that are no numbers": _behind("Mul", [FLOAT], float("nan")),
    "infinite scores": _behind("Mul", [FLOAT], float("inf")),
    "large scores": _behind("Mul", [FLOAT], 3e38),
    "scores of zero": _behind("Mul", [FLOAT], 0.0),
    "negative lengths": _behind("Neg", [INT64]),
    "long lengths": _behind("Add", [INT64], 10**9),
    "lengths of zero": _behind("Mul", [INT64], 0),
    "nothing": _behind("Slice", _NUMBERS, np.array([0]), np.array([0]), np.array([0])),
    "no frames": _behind("Slice", [FLOAT], np.array([0]), np.array([0]), _AXES),
    "one less": _behind("Slice", _NUMBERS, np.array([1]), np.array([2**60]), np.array([-1])),
    "an axis more": _behind("Unsqueeze", _NUMBERS, np.array([0])),
    "double precision": _behind("Cast", [FLOAT], becomes=DOUBLE, to=DOUBLE),
    "half precision": _behind("Cast", [FLOAT], becomes=10, to=10),
    "truth": _behind("Cast", _NUMBERS, becomes=BOOL, to=BOOL),
    "twice": _model(_twice),
    "static inputs": _model(lambda graph: _static(graph.input)),
    "static outputs": _model(lambda graph: _static(graph.output)),
    "renamed input": _model(lambda graph: _renamed(graph.input, graph, "other")),
    "renamed output": _model(lambda graph: _renamed(graph.output, graph, "other")),
    "an input less": _model(lambda graph: graph.input.pop()),
    "an output less": _model(lambda graph: graph.output.pop()),
    "an input more": _model(lambda graph: graph.input.append(helper.make_tensor_value_info("more", FLOAT, [1]))),
    "an output twice": _model(lambda graph: graph.output.append(graph.output[0])),
    "inputs in another order": _model(lambda graph: graph.input.reverse()),
    "outputs in another order": _model(lambda graph: graph.output.reverse()),
    "inputs of text": _model(lambda graph: _kinds(graph.input, 8)),
    "inputs of other numbers": _model(lambda graph: _kinds(graph.input, 6)),
    "outputs of text": _model(lambda graph: _kinds(graph.output, 8)),
    "without weights": _model(lambda graph: graph.ClearField("initializer")),
    "a large constant": _model(lambda graph: _constant(graph, [1 << 15, 1 << 16])),
    "a constant beyond memory": _model(lambda graph: _constant(graph, [1 << 30, 1 << 30])),
}
