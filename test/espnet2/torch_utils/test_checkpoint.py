"""Weights: read without running code, loaded without losing any."""

import datetime
import os
import pickle
import re

import numpy as np
import pytest
import torch
import zoo
import zoo_calls
import zoo_data

from espnet.nets.pytorch_backend.state_names import rename, upgraded
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding
from espnet2.interface.errors import CheckpointError
from espnet2.layers.create_adapter import create_adapter
from espnet2.torch_utils.checkpoint import load_checkpoint, load_state

STATE = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_of_both_formats(tmp_path, zipped):
    torch.save(STATE, tmp_path / "model.pth", _use_new_zipfile_serialization=zipped)
    assert load_checkpoint(tmp_path / "model.pth").keys() == STATE.keys()


def test_a_trainers_checkpoint(tmp_path):
    stats = {1: {"train": {"loss": np.float64(1.0), "acc": 0.5, "time": datetime.timedelta(seconds=1)}}}
    torch.save({"model": STATE, "reporter": {"epoch": 1, "stats": stats}, "scaler": None}, tmp_path / "checkpoint.pth")
    assert load_checkpoint(tmp_path / "checkpoint.pth").keys() == STATE.keys()


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_is_not_run(tmp_path, save):
    save({"weight": Malicious(tmp_path / "ran")}, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"found a file whose loading would run|plain pickle"):
        load_checkpoint(tmp_path / "model.pth")
    assert not (tmp_path / "ran").exists()


def _truncated(path, zipped, size=2000):
    torch.save({"weight": torch.zeros(100_000)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "expected a checkpoint, found: no such file"),
        (lambda path: path.touch(), "truncated or damaged"),
        (lambda path: path.write_text("hello"), "truncated or damaged"),
        (lambda path: _truncated(path, True), "truncated or damaged"),
        (lambda path: _truncated(path, False), "truncated or damaged"),
        (lambda path: _truncated(path, True, 10_000), "truncated or damaged"),
        (lambda path: _truncated(path, True, 100_000), "truncated or damaged"),
        (lambda path: path.mkdir(), "expected a checkpoint, found: is a directory"),
        (lambda path: path.symlink_to(path), "expected a checkpoint, found: too many levels of symbolic links"),
        (lambda path: path.write_text("config: a.yaml\nb: c\n"), "plain pickle"),
        (lambda path: torch.save({None: torch.zeros(1)}, path), "expected names of tensors, found null"),
        (lambda path: torch.save({"a": None}, path), "tensors by name.*, found null under 'a'"),
        (lambda path: torch.save(torch.nn.Linear(2, 2), path), "would run torch.nn.modules.linear.Linear"),
        (lambda path: torch.save([torch.zeros(1)], path), "expected a state dict .*, found list"),
        (lambda path: torch.save({1: torch.zeros(1)}, path), "expected names of tensors, found 1"),
        (lambda path: torch.save({"w": torch.zeros(2, 2).to_sparse()}, path), "expected w as a dense tensor"),
        (lambda path: torch.save({"w": torch.zeros(2, device="meta")}, path), "expected w as a dense tensor"),
        (lambda path: torch.save({"w": torch.tensor([0.0, torch.nan])}, path), "expected finite numbers in w"),
        (lambda path: torch.save({"weight": 1}, path), "expected a state dict .*, found int under 'weight'"),
        (lambda path: torch.save({}, path), "expected a state dict .*, found an empty one"),
    ],
)
def test_what_holds_no_weights_is_refused(tmp_path, make, message):
    make(tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=rf"model\.pth: .*{message}"):
        load_checkpoint(tmp_path / "model.pth")


def test_weights_are_loaded_and_counted():
    model = torch.nn.Linear(2, 3)
    loaded = load_state(model, STATE, "model.pth")
    assert (loaded.tensors, loaded.parameters) == (2, 9)
    assert torch.equal(model.weight, STATE["weight"])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"weight": STATE["weight"]},
            "model.pth: expected the 2 tensors that the config describes, found that it lacks 1: bias",
        ),
        (
            {**STATE, **{f"x{i}": STATE["bias"] for i in range(7)}},
            "it has left over 7: x0, x1, x2, x3, x4, ...",
        ),
        ({**STATE, "bias": torch.zeros(4)}, "it has in another shape 1: bias (4,) instead of (3,)"),
        ({"weight": STATE["weight"], "gain": STATE["bias"]}, "it lacks 1: bias; has left over 1: gain"),
    ],
)
def test_keys_at_fault_are_named(state, message):
    with pytest.raises(CheckpointError, match=re.escape(message)):
        load_state(torch.nn.Linear(2, 3), state, "model.pth")


@pytest.mark.parametrize("prefix", ["", "model."])
@pytest.mark.parametrize("section", ["model", "module", "state_dict", None])
def test_weights_are_found_in_what_trainers_write(section, prefix, tmp_path):
    state = {prefix + name: tensor for name, tensor in STATE.items()}
    extra = {"epoch": 3, "optimizer": {"lr": 0.1}, "pytorch-lightning_version": "2.5.0"}
    torch.save(state if section is None else {section: state, **extra}, tmp_path / "model.pth")
    found = load_checkpoint(tmp_path / "model.pth")
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("x.old.weight", "y.old.weight"), ("x.new.weight", "y.old.weight")),
        (("x.gone", "x.gone2"), ()),
        (("x.old.weight", "x.new.weight"), ("x.old.weight", "x.new.weight")),  # one of the two is left over
    ],
)
def test_names_below_a_prefix_are_changed(names, expected):
    state = dict.fromkeys(names, torch.zeros(1))
    rename(state, "x.", ((r"old\.", "new."), ("gone", None)))
    assert tuple(sorted(state)) == tuple(sorted(expected))


def test_a_table_of_sines_is_no_weight():
    layer = PositionalEncoding(4, 0.0)
    layer.load_state_dict({"pe": torch.zeros(1, 9, 4)})
    assert upgraded(torch.nn.Sequential(layer), {"0.pe": torch.zeros(1), "1.pe": torch.zeros(1)}).keys() == {"1.pe"}


def test_a_decoder_of_old_releases_is_left_out_where_ctc_decodes_alone(tmp_path):
    keys = {**dict(zoo.ROWS["model-conformer"].make.keys), "model_conf": {"ctc_weight": 1.0}}
    model = zoo_calls.build(zoo_data.Config("espnet2.tasks.asr:ASRTask", keys), tmp_path)
    state = {**model.state_dict(), "decoder.embed.0.weight": torch.zeros(3, 3)}
    load_state(model, state, "model.pth")
    with pytest.raises(CheckpointError, match=r"left over 1: decoders\.weight"):
        load_state(model, {**model.state_dict(), "decoders.weight": torch.zeros(3)}, "model.pth")


def test_adapters_are_left_out_beside_weights_that_they_are_merged_into():
    """Upstream with package loralib 0.1.2 recognises the same with `lora_B` zero or not, once both are loaded."""
    model, adapted = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    low_rank = {"lora_A": torch.ones(1, 2), "lora_B": torch.ones(3, 1)}
    assert load_state(model, {**adapted.state_dict(), **low_rank}, "model.pth").tensors == 2
    assert model.weight.equal(adapted.weight)
    with pytest.raises(CheckpointError, match="lacks 1: weight; has left over 2: lora_A, lora_B"):
        load_state(model, {"bias": adapted.bias, **low_rank}, "model.pth")
    created = torch.nn.Sequential(torch.nn.Linear(2, 3))
    create_adapter(created, "lora", {"target_modules": ["0"], "rank": 1})
    assert load_state(created, created.state_dict(), "model.pth").tensors == 4
