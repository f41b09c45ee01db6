"""Nodes of graphs and bundles of strangers: they are found, or one sentence says what is wrong."""

import io
import os

import pytest

from espnet2.bin.onnx_doctor import main
from espnet2.export.doctor.find import nodes_of_file
from espnet2.export.nodes import Node, debug_directory, write_nodes
from espnet2.interface.errors import BundleError

onnx = pytest.importorskip("onnx")

GRAPH = "g (float[n] x) => (float[n] y) { y = Relu(x) }"
SCOPES = "pkg.torch.onnx.name_scopes"


def written(path, scopes):
    model = onnx.helper.make_model(onnx.parser.parse_graph(GRAPH), opset_imports=[onnx.helper.make_opsetid("", 20)])
    model.graph.node[0].name = "relu"
    model.graph.node[0].metadata_props.add(key=SCOPES, value=scopes)
    onnx.save(model, path)
    return path


def test_a_node_of_a_file(tmp_path, capsys):
    assert main(["node", "--onnx", str(written(tmp_path / "x.onnx", "['', 'layer', 'relu']")), "relu"]) == 0
    assert "module    layer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"x" * 70_000, "more than 65536 characters"), (b"\xff", "other bytes")],
    ids=["long", "bytes"],
)
def test_standard_input_that_is_no_error(tmp_path, monkeypatch, capsys, content, found):
    path = written(tmp_path / "x.onnx", "['', 'layer', 'relu']")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    assert main(["node", "--onnx", str(path), "-"]) == 2
    assert f"expected onnxruntime's error, a text in UTF-8, found {found}" in capsys.readouterr().err


@pytest.mark.parametrize("scopes", ["7", "[1, 2, 3]", "{}", "[" * 5000, "print(1)", "\x1b[2J"])
def test_scopes_that_are_none(tmp_path, scopes):
    path = written(tmp_path / "x.onnx", scopes)
    with pytest.raises(BundleError) as error:
        nodes_of_file(path)
    assert str(error.value).startswith(f"{path}: expected an ONNX file, found: ")
    assert "' object" not in str(error.value) and "\x1b" not in str(error.value)


def test_a_graph_of_3_gigabytes(tmp_path):
    path = written(tmp_path / "x.onnx", "['', 'layer', 'relu']")
    os.truncate(path, 3 << 30)
    with pytest.raises(
        BundleError, match="expected an ONNX file, found more than 2147483647 bytes; set ESPNET_GRAPH_BYTES"
    ):
        nodes_of_file(path)


def test_directories_without_a_name(tmp_path, monkeypatch):
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    assert debug_directory(".") == tmp_path / "b.debug"
    with pytest.raises(BundleError, match=r"^/: expected the directory of a bundle, found one without a name"):
        debug_directory("/")


@pytest.mark.parametrize(
    "change",
    [
        *({"outputs": [["a"]]}, {"name": 3}, {"frames": [{"file": [], "line": "x"}]}, {"shapes": 3}),
        *({"shapes": {"a": 3}}, {"inputs": "ab"}, {"weights": [3]}, {"module": None}, {"operator": []}),
    ],
)
def test_origins_that_are_none(tmp_path, monkeypatch, capsys, change):
    import json

    monkeypatch.chdir(tmp_path)
    node = Node("relu", "Relu", "layer", "", (), ("x",), ("y",), {"x": ("n",)}, ())
    (tmp_path / "b.debug").mkdir()
    write_nodes(tmp_path / "b.debug" / "g.json", [node])
    data = json.loads((tmp_path / "b.debug" / "g.json").read_text())
    (tmp_path / "b.debug" / "g.json").write_text(json.dumps([{**data[0], **change}]))
    assert main(["node", "--bundle", "b", "g", "relu"]) == 2
    assert "b.debug/g.json: expected origins of nodes as JSON, found: " in capsys.readouterr().err
