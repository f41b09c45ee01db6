"""Weights: read without running code, loaded without losing any."""

import datetime
import os
import pickle
import re

import numpy as np
import pytest
import torch

from espnet2.runtime.errors import CheckpointError
from espnet2.tasks.checkpoint import load_checkpoint, load_state, rename_keys

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
    with pytest.raises(CheckpointError, match=r"refused, since it wants to run|plain pickle"):
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
        (lambda path: torch.save(torch.nn.Linear(2, 2), path), "wants to run torch.nn.modules.linear.Linear"),
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
        ({"weight": STATE["weight"]}, "model.pth: expected the 2 tensors that the config describes; it lacks 1: bias"),
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


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("encoder.embed.1.pe", None),
        ("encoder.embed.out.1.pe", None),
        ("decoder.embed.1.pe", None),
        ("lm.encoder.embed.4.pe", None),
        ("encoder.embed.out.0.weight", "encoder.embed.out.0.weight"),
        ("encoder.embed.0.pe_weight", "encoder.embed.0.pe_weight"),
    ],
)
def test_legacy_keys(old, new):
    assert list(rename_keys({old: torch.zeros(1)})) == ([] if new is None else [new])


def test_a_table_of_renames():
    table = ((r"a\.(.*)", r"b.\1"), (r"b\.old", "b.new"))
    assert list(rename_keys({"a.old": torch.zeros(1), "c": torch.zeros(1)}, table)) == ["b.new", "c"]
