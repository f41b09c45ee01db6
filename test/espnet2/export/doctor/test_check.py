"""Each bad module gets its diagnosis: the consideration that it breaks, and its author's own line."""

import inspect
import io

import onnx
import pytest
import torch
import unexportable_habits
import unexportable_modules
from torch import nn

from espnet2.bin.onnx_doctor import main
from espnet2.export.doctor.check import check
from espnet2.export.doctor.considerations import CONSIDERATIONS
from espnet2.export.doctor.find import described, find_node, nodes_of_file
from espnet2.export.doctor.load import load_module
from espnet2.export.quiet import quiet
from espnet2.export.testing import NotExportableError, assert_exports
from espnet2.interface.errors import BundleError, OptionError

X = unexportable_modules.X
UNEXPORTABLE = [*unexportable_modules.CASES, *unexportable_habits.CASES]


def line_at_fault(module: type) -> int:
    at_fault = unexportable_modules.LoudestFrame if module is unexportable_modules.Layered else module
    lines, start = inspect.getsourcelines(at_fault)
    return next(start + index for index, line in enumerate(lines) if line.rstrip().endswith("# here"))


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    UNEXPORTABLE,
    ids=[kind.__name__ for kind, *_ in UNEXPORTABLE],
)
def test_diagnosis(kind, inputs, expected):
    torch.manual_seed(0)
    found = check(kind(), inputs)
    assert [item.consideration for item in found] == [expected], found
    assert found[0].frame.line == line_at_fault(kind)
    assert CONSIDERATIONS[expected].cure in str(found[0])


class Masked(nn.Module):
    """A module that keeps to all considerations."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, xs, ilens):
        padding = torch.arange(xs.size(1)) >= ilens[:, None]
        return self.layer(xs).masked_fill(padding[..., None], 0.0), ilens


def test_good_module_passes_with_guessed_inputs():
    assert_exports(Masked())


def test_assert_exports_names_the_line():
    with pytest.raises(NotExportableError, match=r"unexportable_modules.py:\d+: if x.sum\(\) > 0") as caught:
        assert_exports(unexportable_modules.BranchOnValue(), {"x": torch.zeros(2, 5, 4)})
    assert "torch.where" in str(caught.value)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    path = tmp_path_factory.mktemp("foreign") / "model.onnx"
    example = (torch.ones(2, 7, 4), torch.tensor([7, 3]))
    with quiet():
        torch.onnx.export(Masked().eval(), example, path, dynamic_shapes=({0: "batch", 1: "frames"}, {0: "batch"}))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "node_masked_fill",
        "masked_fill",
        "Non-zero status code returned while running Where node. Name:'node_masked_fill' Status Message: 67 by 249",
        "node_masked_fill_fused_with_others",
    ],
)
def test_node_is_found(foreign, text):
    node = find_node(nodes_of_file(foreign), text)
    assert "masked_fill(padding" in node.frames[-1].code
    assert "(batch, frames, 4)" in described(node)


def test_node_knows_module_and_weights(foreign):
    node = next(node for node in nodes_of_file(foreign) if node.operator == "MatMul")
    assert (node.module, node.class_name, len(node.weights)) == ("layer", "Linear", 1)


def test_node_of_a_bundle_in_whatever_graph(exported, capsys, monkeypatch):
    error = "encoder: found: [ONNXRuntimeError] : 1 : FAIL : running Softmax node. Name:'node_softmax' 67 by 249"
    monkeypatch.setattr("sys.stdin", io.StringIO(error))
    for names in (["encoder", "node_softmax"], [error], ["node_softmax"], ["-"]):
        assert main(["node", "--bundle", str(exported), *names]) == 0
        assert "self_attn.softmax (Softmax)" in capsys.readouterr().out
    assert main(["node", "--bundle", str(exported), "encodr", "x"]) == 2
    assert "graph: expected one of encoder" in capsys.readouterr().err


def test_names_of_the_former_exporter_give_the_module(tmp_path, capsys):
    scope = "/encoders/encoders.0/self_attn/Where"
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 4]) for name in "xy"]
    node = onnx.helper.make_node("Relu", ["x"], ["y"], name=scope)
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "g", values[:1], values[1:])), tmp_path / "a.onnx")
    assert main(["node", "--onnx", str(tmp_path / "a.onnx"), f"Non-zero status code. Name:'{scope}' 67 by 249"]) == 0
    assert "module    encoders.0.self_attn\n" in capsys.readouterr().out


def test_class_in_a_file_and_packages_of_another_place(tmp_path):
    (tmp_path / "mine.py").write_text(f"from {unexportable_modules.__name__} import *\nclass Own(InPlace): ...\n")
    assert type(load_module(f"{tmp_path}/mine.py:Own", {})).__name__ == "Own"
    (tmp_path / "doctors_package").mkdir()
    (tmp_path / "doctors_package" / "__init__.py").write_text("from unexportable_modules import Item\n")
    assert isinstance(load_module("doctors_package:Item", {}, tmp_path), unexportable_modules.Item)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["node", "encoder", "x"], "expected --bundle or --onnx, found neither"),
        (["node", "--onnx", "none.onnx", "x"], "found no such file: none.onnx"),
        (["node", "--bundle", "missing", "encoder", "x"], "expected what export_onnx --debug writes"),
        (["check", "nothing"], "expected package.module:Class or file.py:Class, found 'nothing'"),
        (["check", "unexportable_modules:X"], "expected a class of torch.nn.Module"),
        (["check", "no/such/file.py:Encoder"], "expected a class to import"),
        (
            ["check", "unexportable_modules:Item", "--packages", "nowhere"],
            "--packages: expected a directory of packages",
        ),
        (["check", "unexportable_modules:None_"], "expected a class to import"),
        (["check", "unexportable_modules:Item", "--conf", "{size: 3}"], "expected keywords that build it"),
        (["check", "unexportable_modules:Item", "--inputs", "{y: [batch]}"], "expected some of x, lengths, found 'y'"),
        (
            ["check", "unexportable_modules:Item", "--inputs", "{x: [batch, frames, 1000000000]}"],
            "inputs: x: expected at most 134217728 numbers, found axes ['batch', 'frames', 1000000000]",
        ),
        (
            ["check", "unexportable_modules:Item", "--inputs", "{x: {axes: [batch], high: 5}}"],
            "inputs: x: expected some of axes, dtype, length_of, below, least, noise, found 'high'",
        ),
    ],
)
def test_bad_input(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err.replace("\n    ", " ")


def test_unknown_node_and_broken_file(foreign, tmp_path):
    with pytest.raises(OptionError, match=r"node: expected one of .*node_masked_fill.*, found 'nod'"):
        find_node(nodes_of_file(foreign), "nod")
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match="expected an ONNX file"):
        nodes_of_file(tmp_path / "broken.onnx")


def test_module_that_lacks_an_input():
    (found,) = check(unexportable_modules.Item(), {"x": unexportable_modules.FRAMES})
    assert found.consideration == "fails_in_pytorch" and "missing 1 required positional argument" in found.seen


def test_integers_without_a_bound():
    (found,) = check(nn.Embedding(1, 4), {"input": {"axes": ("batch", "tokens"), "dtype": "int64"}})
    assert found.consideration == "fails_in_pytorch" and "state the bound of input, as {axes: " in found.seen


def test_check_prints_the_diagnosis(capsys):
    assert main(["check", "unexportable_modules:BranchOnSize", "--inputs", "{x: [batch, frames, 4]}"]) == 1
    assert "branch on a size" in capsys.readouterr().out
