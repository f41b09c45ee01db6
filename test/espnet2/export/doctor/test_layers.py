"""Where PyTorch and onnxruntime part: the first layer whose weights differ."""

from types import SimpleNamespace

import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from espnet2.bin.onnx_doctor import main
from espnet2.export.doctor.compare_bundle import explain_failure
from espnet2.export.doctor.layers import compare
from espnet2.export.doctor.pictures import draw_comparisons
from espnet2.export.nodes import read_nodes
from espnet2.export.trace import export_component
from espnet2.export.verify import component_cases
from espnet2.interface.check import Check
from espnet2.interface.spec import Component, Tensor

COMPONENT = Component(
    "stack",
    "forward",
    (Tensor("x", ("batch", "frames", 4)),),
    (Tensor("y", ("batch", "frames", 4)),),
)


class Block(nn.Module):
    """A layer, a product and a sum."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.full((4,), 2.0))

    def forward(self, x):
        y = torch.tanh(self.layer(x))
        scaled = y * self.scale
        return x + scaled


class Stack(nn.Module):
    """A layer before a block that is called twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.block = Block()

    def forward(self, x):
        return self.block(self.block(self.first(x)))


class Gate(nn.Module):
    """A product of two values of the same shape."""

    def forward(self, x):
        return x * torch.sigmoid(x)


class Gated(nn.Module):
    """A layer, and an activation that it may share with others."""

    def __init__(self, activation):
        super().__init__()
        self.layer, self.activation = nn.Linear(4, 4), activation

    def forward(self, x):
        return self.activation(self.layer(x))


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack of layers, the nodes of its graph, its file, and the file with other weights in the block."""
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("stack")
    module = Stack()
    path = export_component(module, COMPONENT, directory / "stack.onnx", debug=directory / "stack.json")
    model = onnx.load(path)
    assert not any(node.metadata_props for node in model.graph.node)
    scale = next(item for item in model.graph.initializer if item.name == "block.scale")
    scale.CopyFrom(numpy_helper.from_array(1.1 * numpy_helper.to_array(scale), scale.name))
    onnx.save(model, directory / "other.onnx")
    return module, read_nodes(directory / "stack.json"), path, directory / "other.onnx"


def test_layers_agree(stack):
    module, nodes, path, _ = stack
    for label, feeds in component_cases(COMPONENT):
        found = compare("stack", label, (module, COMPONENT), path, feeds, nodes)
        names = ["first", "block.layer", "block", "block.layer (call 2)", "block (call 2)"]
        assert [layer.name for layer in found.layers] == names
        assert "agree in every layer" in str(found)


def test_shared_module_is_named_by_its_place(tmp_path):
    activation = Gate()
    module = nn.Sequential(Gated(activation), Gated(activation))
    component = Component("shared", "forward", (Tensor("input", ("batch", "frames", 4)),), COMPONENT.outputs)
    path = export_component(module, component, tmp_path / "shared.onnx", debug=tmp_path / "shared.json")
    nodes, feeds = read_nodes(tmp_path / "shared.json"), next(component_cases(component))[1]
    found = compare("shared", "case", (module, component), path, feeds, nodes)
    assert [layer.name for layer in found.layers] == [
        *("0.layer", "0.activation", "0", "1.layer", "1.activation", "1"),
    ]
    assert found.first is None


def test_first_layer_and_node_that_part(stack, tmp_path):
    pytest.importorskip("matplotlib")
    module, nodes, _, other = stack
    found = compare("stack", "case", (module, COMPONENT), other, next(component_cases(COMPONENT))[1], nodes)
    assert found.first.name == "block"
    assert [step.node.operator for step in found.inside] == ["Add", "Tanh", "Mul"]
    assert "they first part in block, node node_mul" in str(found)
    assert str(found).endswith("scaled = y * self.scale")
    draw_comparisons([found], tmp_path / "depth.png")
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")


def test_failed_verification_is_explained(stack):
    module, _, _, other = stack
    label = next(component_cases(COMPONENT))[0]
    trained = SimpleNamespace(parts=((module, COMPONENT),))
    text = explain_failure(trained, {"stack": other}, [Check("stack", f"{label}, noise in the padding", 1.0)])
    assert text.startswith(f"stack, {label}:\n") and "first part in block" in text
    assert explain_failure(trained, {"stack": other}, [Check("decode", "a.wav", 1.0)]) == ""


def test_bundle_against_its_model(exported, trained_files, recording, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    options = [part for name, path in trained_files.items() for part in (f"--{name}", str(path))]
    picture = tmp_path / "depth.png"
    assert main(["compare", "--bundle", str(exported), *options, "--picture", str(picture), str(recording)]) == 0
    printed = capsys.readouterr().out
    for graph in ("encoder", "ctc", "decoder_step", "lm_step"):
        assert f"{graph}, noise.wav, call " in printed or f"{graph}, {recording}, call " in printed
    assert "results of the recordings" in printed and picture.is_file()
    assert main(["compare", "--bundle", str(exported), *options, "--graph", "ctc"]) == 0
    assert "ctc_lo" in capsys.readouterr().out
    assert main(["compare", "--bundle", str(exported), *options, "--graph", "encodr"]) == 2
    assert "--graph: expected one of encoder" in capsys.readouterr().err
