"""int8 siblings of small graphs: what is quantised, and how near their results are."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from espnet2.export.quantize import _folded, quantize_int8
from espnet2.runtime.session import EXTERNAL_DATA_SUFFIX, may_overflow

WIDTH = 32


def weights(name: str, *shape: int) -> onnx.TensorProto:
    drawn = np.random.default_rng(len(name)).standard_normal(shape) / np.sqrt(shape[-1])
    return numpy_helper.from_array(drawn.astype(np.float32), name)


MATRIX, BIAS = weights("w", WIDTH, WIDTH), weights("bias", WIDTH)
SQUEEZED = weights("conv", WIDTH, WIDTH, 1)  # the weights of a convolution with kernel size 1
STATES = [weights("input", 4 * WIDTH, WIDTH), weights("recurrent", 4 * WIDTH, WIDTH)]
AXIS = numpy_helper.from_array(np.array([-1]), "axis")
FIRST = numpy_helper.from_array(np.array([0]), "first")


def node(kind: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(" "), [output], name=f"{kind}_{output}", **attributes)


GRAPHS = {
    "product": ([node("MatMul", "x w", "y")], [MATRIX], 1),
    "two axes with a bias": (
        [node("Reshape", "x rows", "r"), node("Gemm", "r w bias", "y", transB=1)],
        [MATRIX, BIAS, numpy_helper.from_array(np.array([-1, WIDTH]), "rows")],
        1,
    ),
    "computed weights": ([node("Squeeze", "conv axis", "w"), node("MatMul", "x w", "y")], [SQUEEZED, AXIS], 1),
    "LSTM": (
        [
            node("Unsqueeze", "input first", "w"),
            node("Unsqueeze", "recurrent first", "r"),
            node("LSTM", "x w r", "directions", hidden_size=WIDTH),
            node("Squeeze", "directions axis1", "y"),
        ],
        [*STATES, FIRST, numpy_helper.from_array(np.array([1]), "axis1")],
        1,
    ),
    "output projection": (
        [node("MatMul", "x w", "m"), node("Gelu", "m", "n"), node("MatMul", "n w", "o"), node("LogSoftmax", "o", "y")],
        [MATRIX],
        2,
    ),
    "filter bank": (
        [node("Mul", "x x", "p"), node("MatMul", "p w", "m"), node("Abs", "m", "a"), node("Log", "a", "y")],
        [MATRIX],
        0,
    ),
    "product of inputs": ([node("Transpose", "x", "t", perm=[0, 2, 1]), node("MatMul", "x t", "y")], [], 0),
}


def saved(name: str, path) -> tuple:
    nodes, constants, count = GRAPHS[name]
    values = [
        helper.make_tensor_value_info(value, TensorProto.FLOAT, shape)
        for value, shape in (("x", ["batch", "frames", WIDTH]), ("y", None))
    ]
    graph = helper.make_graph(nodes, name, values[:1], values[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path, count


def quantized_nodes(path) -> int:
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    return kinds.count("MatMulInteger") + kinds.count("DynamicQuantizeLSTM")


# Sums as on a CPU with VNNI ("0"), where others overflow, and as on one without.
PRECISIONS = ["1"] if may_overflow() else ["0", "1"]


def run(path, x: np.ndarray, precise: str = PRECISIONS[0]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", precise)
    return onnxruntime.InferenceSession(str(path), options).run(None, {"x": x})[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_products_with_weights_are_quantised_and_nothing_else(name, tmp_path):
    source, count = saved(name, tmp_path / "fp32.onnx")
    target = quantize_int8(source, tmp_path / "int8.onnx")
    if not count:
        assert target is None and not (tmp_path / "int8.onnx").exists()
        return
    assert quantized_nodes(target) == count
    x = np.random.default_rng(0).standard_normal((2, 7, WIDTH)).astype(np.float32)
    expected = run(source, x)
    for precise in PRECISIONS:
        error = run(target, x, precise) - expected
        assert np.sqrt(np.mean(error**2)) < 0.02 * np.std(expected)


def test_output_projections_may_stay(tmp_path):
    source, _ = saved("output projection", tmp_path / "fp32.onnx")
    assert quantized_nodes(quantize_int8(source, tmp_path / "int8.onnx", outputs=False)) == 1


@pytest.mark.parametrize("name", ["product", "two axes with a bias", "computed weights", "LSTM"])
def test_weights_are_those_of_onnxruntime(name, tmp_path):
    source, _ = saved(name, tmp_path / "fp32.onnx")
    whole = tmp_path / "whole.onnx"
    bare = tmp_path / "bare.onnx"
    ir.save(_folded(source), bare)
    quantize_dynamic(bare, whole, ["MatMul", "LSTM"], per_channel=True, weight_type=QuantType.QInt8)
    expected, found = (
        sorted((tensor.data_type, list(tensor.dims), numpy_helper.to_array(tensor).tolist()) for tensor in tensors)
        for tensors in (
            onnx.load(path).graph.initializer for path in (whole, quantize_int8(source, tmp_path / "int8.onnx"))
        )
    )
    assert expected == found


def test_channels_have_scales_of_their_own(tmp_path):
    source, _ = saved("product", tmp_path / "fp32.onnx")
    model = onnx.load(quantize_int8(source, tmp_path / "int8.onnx"))
    (scale,) = [tensor for tensor in model.graph.initializer if tensor.name.endswith("_scale")]
    assert list(scale.dims) == [WIDTH]


def test_weights_in_a_second_file_stay_in_one(tmp_path):
    source, _ = saved("product", tmp_path / "fp32.onnx")
    data = source.name + EXTERNAL_DATA_SUFFIX
    onnx.save(onnx.load(source), source, save_as_external_data=True, location=data)
    target = quantize_int8(source, tmp_path / "int8.onnx")
    assert {path.name for path in tmp_path.iterdir()} == {"fp32.onnx", data, "int8.onnx", "int8.onnx.data"}
    x = np.ones((1, 3, WIDTH), np.float32)
    np.testing.assert_allclose(run(target, x), run(source, x), atol=0.1)


def test_a_second_attempt_leaves_nothing_of_the_first(tmp_path):
    source, _ = saved("output projection", tmp_path / "fp32.onnx")
    onnx.save(onnx.load(source), source, save_as_external_data=True, location="fp32.onnx.data", size_threshold=0)
    once = quantize_int8(source, tmp_path / "once.onnx", outputs=False)
    twice = tmp_path / "twice.onnx"
    for outputs in (True, False):
        assert quantize_int8(source, twice, outputs) == twice
    sizes = [path.with_name(path.name + EXTERNAL_DATA_SUFFIX).stat().st_size for path in (once, twice)]
    assert sizes[0] == sizes[1] > 0


def test_no_graph_is_left_where_a_second_attempt_quantises_nothing(tmp_path):
    source = tmp_path / "fp32.onnx"
    saved("product", tmp_path / "int8.onnx")
    saved("filter bank", source)
    assert quantize_int8(source, tmp_path / "int8.onnx") is None
    assert [path.name for path in tmp_path.iterdir()] == ["fp32.onnx"]
