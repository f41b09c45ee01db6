"""Where PyTorch and onnxruntime part: the first layer whose weights differ."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from espnet2.export.doctor.compare_bundle import explain_failure
from espnet2.export.doctor.layers import compare_layers, draw_layers, table
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


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack of layers, the nodes of its graph, its file, and the file with other weights in the second layer."""
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp("stack")
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.LayerNorm(4))
    path = export_component(module, COMPONENT, directory / "stack.onnx", debug=directory / "stack.json")
    model = onnx.load(path)
    assert not any(node.metadata_props for node in model.graph.node)
    bias = next(item for item in model.graph.initializer if item.name == "2.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.arange(4, dtype=np.float32), bias.name))
    onnx.save(model, directory / "other.onnx")
    return module, read_nodes(directory / "stack.json"), path, directory / "other.onnx"


def test_layers_agree(stack):
    module, nodes, path, _ = stack
    for _, feeds in component_cases(COMPONENT):
        layers = compare_layers(module, COMPONENT, path, feeds, nodes)
        assert [layer.module for layer in layers] == ["0", "1", "2", "3"]
        assert "agree in every layer" in table(layers)


def test_first_layer_that_parts(stack, tmp_path):
    pytest.importorskip("matplotlib")
    module, nodes, _, other = stack
    layers = compare_layers(module, COMPONENT, other, next(component_cases(COMPONENT))[1], nodes)
    assert [layer.parts for layer in layers] == [False, False, True, True]
    assert "they first part in 2, node node_linear_1" in table(layers)
    draw_layers(layers, tmp_path / "depth.png")
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")


def test_failed_verification_is_explained(stack):
    module, _, _, other = stack
    label = next(component_cases(COMPONENT))[0]
    trained = SimpleNamespace(parts=((module, COMPONENT),))
    text = explain_failure(trained, {"stack": other}, [Check("stack", f"{label}, noise in the padding", 1.0)])
    assert text.startswith(f"stack, {label}:\n") and "first part in 2" in text
    assert explain_failure(trained, {"stack": other}, [Check("decode", "a.wav", 1.0)]) == ""
