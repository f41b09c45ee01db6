"""Functions for scripts around models: devices, layers by name, other methods as `forward`, matching weights."""

import dataclasses
import re
from typing import NamedTuple

import numpy as np
import pytest
import torch

from espnet2.interface.errors import CheckpointError
from espnet2.optimizers.optim_groups import configure_optimizer
from espnet2.torch_utils.device_funcs import force_gatherable, to_device
from espnet2.torch_utils.forward_adaptor import ForwardAdaptor
from espnet2.torch_utils.get_layer_from_string import get_layer
from espnet2.torch_utils.load_pretrained_model import filter_state_dict, load_pretrained_model
from espnet2.torch_utils.model_summary import to_bytes
from espnet2.torch_utils.pytorch_version import pytorch_cudnn_version


@dataclasses.dataclass(frozen=True)
class Data:
    x: torch.Tensor


class Named(NamedTuple):
    x: torch.Tensor


def test_structures_keep_their_types():
    scalar = torch.tensor(10)
    for data in (Data(scalar), Named(scalar)):
        assert type(to_device(data, "cpu")) is type(data)
        assert force_gatherable(data, "cpu").x.shape == (1,)
    marked = {scalar}
    assert to_device(marked, "cpu") is marked
    assert to_device([np.float32(2.5)], "cpu", torch.float64)[0].dtype is torch.float64


@pytest.mark.parametrize("name", ["ReLU", "relu", "LSTM", "prelu", "Identity"])
def test_layers_by_name(name):
    layer = get_layer(name)
    assert issubclass(layer, torch.nn.Module) and layer.__name__.lower() == name.lower()


@pytest.mark.parametrize("name", ["Re", "max", "tanhh"])
def test_names_of_no_layer(name):
    with pytest.raises(NotImplementedError, match=f"expected a layer of torch.nn, found '{name}'; similar names: "):
        get_layer(name)


class Doubled(torch.nn.Module):
    def twice(self, x, *, plus=0):
        return 2 * x + plus


def test_another_method_is_forward():
    assert ForwardAdaptor(Doubled(), "twice")(torch.tensor(3), plus=1) == 7
    with pytest.raises(ValueError, match="Doubled: expected a method other, found none"):
        ForwardAdaptor(Doubled(), "other")


def test_versions_are_in_one_line():
    found = pytorch_cudnn_version()
    assert found.startswith(f"pytorch.version={torch.__version__}, cuda.available=")
    assert re.findall(r"[\w.]+(?==)", found)[2:] == ["cudnn.version", "cudnn.benchmark", "cudnn.deterministic"]


def test_bytes_of_types():
    assert [to_bytes(dtype) for dtype in (torch.int8, torch.bool, torch.float64)] == [1, 1, 8]


def test_weights_that_fit(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    state = {"0.weight": torch.ones(3, 2), "0.bias": torch.ones(4), "other": torch.ones(1)}
    assert list(filter_state_dict(model.state_dict(), state)) == ["0.weight"]
    torch.save(state, tmp_path / "a.pth")
    assert load_pretrained_model(str(tmp_path / "a.pth"), model, True, "cpu") == ["0.weight"]
    assert model[0].weight.eq(1).all()


def test_adapters_that_weights_hold_are_no_part_of_what_is_started_from(tmp_path):
    low_rank = {"a.lora_A": torch.ones(1, 2), "a.lora_B": torch.ones(3, 1)}
    torch.save({"a.weight": torch.ones(3, 2), "a.bias": torch.ones(3), **low_rank}, tmp_path / "a.pth")
    model = torch.nn.Sequential(torch.nn.Linear(2, 3))
    assert load_pretrained_model(f"{tmp_path}/a.pth:a:0", model) == ["0.weight", "0.bias"]
    torch.save({"0.bias": torch.ones(3), "0.lora_A": torch.ones(1, 2)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=r"1 others: 0\.lora_A"):
        load_pretrained_model(str(tmp_path / "a.pth"), model)


def test_an_optimiser_with_groups_of_weight_decay():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    conf = {"bias_weight_decay": False, "normalization_weight_decay": False}
    decayed, others = configure_optimizer(model, torch.optim.AdamW, {"weight_decay": 0.1, "lr": 0.5}, conf).param_groups
    assert (decayed["weight_decay"], others["weight_decay"], others["lr"]) == (0.1, 0.0, 0.5)
    assert [parameter.shape for parameter in decayed["params"]] == [(3, 2)]
    assert len(others["params"]) == 3
