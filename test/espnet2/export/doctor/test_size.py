"""Sizes of a bundle's modules: tables, multiply-adds, the picture, and bundles that cannot be measured."""

import shutil

import numpy as np
import pytest

from espnet2.bin.onnx_doctor import main
from espnet2.export.doctor import size
from espnet2.export.doctor.products import products_of
from espnet2.export.doctor.size import GraphSize, Row, report, table
from espnet2.interface.errors import BundleError, GraphError
from espnet2.interface.spec import Component, Tensor


def test_table():
    row = Row("encoder", 0.0125, 2000, 3_000_000)
    assert table([row]).splitlines()[1].split() == ["encoder", "12.500", "3.00", "2.0"]
    sizes = [GraphSize(name, "batch 1", [row, row], [row]) for name in ("one", "two")]
    assert report(sizes).splitlines()[1].split() == ["one", "25.000", "6.00", "4.0"]


def test_a_graph_that_does_not_run(tmp_path, capfd):
    """Its checksum and interface are right; where batch is above 1 it takes too many values together."""
    onnx = pytest.importorskip("onnx")
    text = "g (float[batch, 2] x) => (float[batch, 2] y) <int64[2] shape = {1, 2}> { y = Reshape(x, shape) }"
    model = onnx.helper.make_model(onnx.parser.parse_graph(text), opset_imports=[onnx.helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.save(model, tmp_path / "g.onnx")
    axes = ("batch", 2)
    component = Component("g", "run", (Tensor("x", axes),), (Tensor("y", axes),))
    feeds = {"x": np.zeros((3, 2), np.float32)}
    with pytest.raises(GraphError, match=r"g\.onnx: expected what the graph can compute, found: "):
        list(size._events(tmp_path / "g.onnx", component, feeds))
    (tmp_path / "g.onnx").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"g\.onnx: expected a graph that onnxruntime can run, found: "):
        list(size._events(tmp_path / "g.onnx", component, feeds))
    assert "\x1b" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "expected"),
    [
        ("MatMul", [[2, 5, 4], [4, 3]], [2, 5, 3], 2 * 5 * 3 * 4),
        ("Gemm", [[5, 4], [3, 4], [3]], [5, 3], 5 * 3 * 4),
        ("Conv", [[1, 4, 9], [6, 2, 3]], [1, 6, 7], 6 * 7 * 2 * 3),
        ("ConvTranspose", [[1, 4, 9], [4, 6, 3]], [1, 6, 11], 4 * 9 * 6 * 3),
        ("LSTM", [[7, 2, 5], [1, 12, 5], [1, 12, 3]], [7, 1, 2, 3], 7 * 2 * (12 * 5 + 12 * 3)),
        ("Add", [[2, 3], [2, 3]], [2, 3], 0),
    ],
)
def test_products(operator, inputs, output, expected):
    told = {"input_type_shape": [{"float": shape} for shape in inputs], "output_type_shape": [{"float": output}]}
    assert products_of({"op_name": operator, **told}) == expected


def test_bundle(exported, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["size", str(exported), "--picture", str(tmp_path / "size.png")]) == 0
    printed = capsys.readouterr().out
    assert "decoder_step, by operator:" in printed
    modules = printed.partition("encoder, ")[2].partition("by operator")[0]
    rows = {line.split()[0]: line.split()[1:] for line in modules.splitlines()[2:] if line}
    assert float(rows["encoder.encoders"][1]) > 0 and float(rows["encoder.encoders"][2]) > 0
    operators = printed.partition("encoder, by operator:\n")[2].partition("\n\n")[0].splitlines()[1:]
    of_operators = sum(float(line.split()[-1]) for line in operators)
    of_modules = sum(float(row[-1]) for row in rows.values() if row)
    assert of_operators == pytest.approx(of_modules, abs=3)  # kilobytes, rounded in each row
    assert (tmp_path / "size.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--graph", "encodr"], "--graph: expected one of encoder"),
        (["--graph", "encoder"], "export_onnx --debug writes"),
        (["--depth", "0"], "--depth: expected at least 1, found 0"),
    ],
)
def test_bad_input(options, message, demo_bundle, tmp_path, capsys):
    bundle = shutil.copytree(demo_bundle, tmp_path / "bundle")
    assert main(["size", str(bundle), *options]) == 2
    assert message in capsys.readouterr().err
