"""Hostile graphs: from the bytes of a good one, those of one that is damaged, too large, or reads other files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnx
from files import Damage


def _model(change: Callable[[Any], object]) -> Damage:
    def damage(content: bytes, rng: Any) -> bytes:
        model = onnx.load_model_from_string(content)
        change(model)
        return model.SerializeToString()

    return damage


def _outside(location: str, **values: str) -> Damage:
    """The first weight in another file."""

    def change(model: Any) -> None:
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.ClearField("float_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **values}.items():
            weight.external_data.add(key=key, value=value)

    return _model(change)


def _dims(*dims: int) -> Damage:
    return _model(
        lambda model: (model.graph.initializer[0].ClearField("dims"), model.graph.initializer[0].dims.extend(dims))
    )


def _nested(model: Any) -> None:
    """Branches of `If` in each other."""
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    for _ in range(60):
        graph = onnx.helper.make_graph([node], "g", [], [onnx.helper.make_tensor_value_info("y", 1, None)])
        node = (
            onnx.helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=graph)
            if len(str(node)) < 10**5
            else node
        )
    model.graph.node.append(node)


def _set(**values: Any) -> Damage:
    return _model(lambda model: [setattr(model, name, value) for name, value in values.items()])


def _props(**values: str) -> Damage:
    return _model(lambda model: [model.metadata_props.add(key=key, value=value) for key, value in values.items()])


def _node(name: str, value: Any) -> Damage:
    return _model(lambda model: setattr(model.graph.node[-1], name, value))


def _swapped(field: str) -> Damage:
    """The names of two inputs or outputs changed for each other, in the declaration alone."""

    def change(model: Any) -> None:
        values = getattr(model.graph, field)
        first, last = values[0].name, values[-1].name
        values[0].name, values[-1].name = last, first

    return _model(change)


def _types(kind: int) -> Damage:
    return _model(lambda model: [setattr(value.type.tensor_type, "elem_type", kind) for value in model.graph.input])


def _shapes(change: Callable[[Any], object]) -> Damage:
    values = ("input", "output")
    return _model(
        lambda model: [change(value.type.tensor_type) for name in values for value in getattr(model.graph, name)]
    )


def _axes(**values: Any) -> Callable[[Any], object]:
    def change(tensor: Any) -> None:
        for axis in tensor.shape.dim:
            axis.ClearField("dim_value"), axis.ClearField("dim_param")
            for name, value in values.items():
                setattr(axis, name, value)

    return change


def _further(field: str, name: str = "further") -> Damage:
    """One more input or output."""
    return _model(
        lambda model: getattr(model.graph, field).append(onnx.helper.make_tensor_value_info(name, 1, ["batch", 3]))
    )


GRAPHS: Mapping[str, Damage] = {
    "swapped inputs": _swapped("input"),
    "swapped outputs": _swapped("output"),
    "inputs of float64": _types(onnx.TensorProto.DOUBLE),
    "inputs of float16": _types(onnx.TensorProto.FLOAT16),
    "inputs of int32": _types(onnx.TensorProto.INT32),
    "inputs of texts": _types(onnx.TensorProto.STRING),
    "fixed axes": _shapes(_axes(dim_value=7)),
    "axes of one name": _shapes(_axes(dim_param="batch")),
    "axes of long names": _shapes(_axes(dim_param="\x1b[2J" * 10_000)),
    "negative axes": _shapes(_axes(dim_value=-7)),
    "axes far away": _shapes(_axes(dim_value=2**62)),
    "no shapes": _shapes(lambda tensor: tensor.ClearField("shape")),
    "no axes of inputs": _shapes(lambda tensor: tensor.shape.ClearField("dim")),
    "one input more": _further("input"),
    "one output more": _further("output"),
    "an input twice": _model(lambda model: model.graph.input.append(model.graph.input[0])),
    "an output twice": _model(lambda model: model.graph.output.append(model.graph.output[0])),
    "outputs that are inputs": _model(lambda model: setattr(model.graph.output[0], "name", model.graph.input[0].name)),
    "an input less": _model(lambda model: model.graph.input.pop()),
    "an output less": _model(lambda model: model.graph.output.pop()),
    "inputs that are weights": _model(
        lambda model: model.graph.initializer.append(onnx.helper.make_tensor(model.graph.input[0].name, 1, [1], [0.0]))
    ),
    "weights in /etc/passwd": _outside("/etc/passwd"),
    "weights above": _outside("../../../../../etc/passwd"),
    "weights of zeros": _outside("/dev/zero"),
    "weights in itself": _outside("ctc.onnx"),
    "no weights": _outside("gone.data"),
    "weights far away": _outside("ctc.onnx", offset="9" * 30),
    "weights of text": _outside("ctc.onnx", offset="x", length="-1"),
    "weights of a long name": _outside("x" * 60_000),
    "huge": _dims(10**6, 10**6),
    "negative": _dims(-1, 5),
    "beyond 64 bits": _dims(2**62, 2**62),
    "no axes": _dims(),
    "no nodes": _model(lambda model: model.graph.ClearField("node")),
    "no inputs": _model(lambda model: model.graph.ClearField("input")),
    "no outputs": _model(lambda model: model.graph.ClearField("output")),
    "no graph": _model(lambda model: model.ClearField("graph")),
    "other names": _model(lambda model: setattr(model.graph.input[0], "name", "\x1b[2J" * 1000)),
    "another type": _model(lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", 999)),
    "unknown type of weights": _model(lambda model: setattr(model.graph.initializer[0], "data_type", 999)),
    "a cycle": _model(lambda model: model.graph.node[0].input.__setitem__(0, model.graph.node[-1].output[0])),
    "unknown operator": _node("op_type", "x\x1b[2J" * 100),
    "unknown domain": _node("domain", "x" * 60_000),
    "long names": _node("name", "n" * 500_000),
    "branches": _model(_nested),
    "opset": _model(lambda model: setattr(model.opset_import[0], "version", 2**62)),
    "format": _set(ir_version=2**60),
    "metadata": _props(interface="[" * 100_000, tokens="{", sample_rate="x", options="[]"),
    "scopes": _model(
        lambda model: model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="[" * 5000)
    ),
    "scopes of numbers": _model(
        lambda model: model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="[1, 2, 3]")
    ),
    "scopes that are a number": _model(
        lambda model: model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value="7")
    ),
    "stack": _model(
        lambda model: model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.stack_trace", value='File "' * 50_000)
    ),
    "many nodes": _model(
        lambda model: [model.graph.node.add(op_type="Identity", input=["x"], output=[str(n)]) for n in range(100_000)]
    ),
}
