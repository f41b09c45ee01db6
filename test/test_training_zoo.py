"""Models in training against upstream's numbers: losses, statistics, gradients, and features for statistics."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import zoo
import zoo_training
import zoo_training_calls

from espnet2.torch_utils.initialize import initialize

GOLDEN = Path(__file__).parent / "golden" / "training"
LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4
ZERO = 1e-5  # of norms: what arithmetic leaves of gradients that are none
# Upstream's CTC error rates count tokens in the padding of a batch.
COUNTED_IN_PADDING = ("cer_ctc", "cer_interctc")


@pytest.fixture(params=[pytest.param(row, id=row.name) for row in zoo_training.TRAINED])
def row(request):
    return request.param


def _compared(batch: str, statistics: dict[str, float]) -> dict[str, float]:
    left_out = COUNTED_IN_PADDING if batch == "together" else ()
    return {name: value for name, value in statistics.items() if not name.startswith(tuple(left_out))}


@pytest.mark.parametrize("batch", zoo_training.BATCHES)
def test_training_equals_upstream(row, batch, tmp_path, monkeypatch):
    monkeypatch.setattr("espnet2.asr.maskctc_model.mask_uniform", zoo_training_calls.mask_alternate)
    golden = json.loads((GOLDEN / f"{row.name}.json").read_text())[batch]
    found = zoo_training_calls.measured(row, tmp_path, zoo_training.BATCHES[batch])
    for mode in ("train", "eval"):
        assert found[mode].keys() == golden[mode].keys()
        assert _compared(batch, found[mode]) == pytest.approx(_compared(batch, golden[mode]), rel=LOSS_TOLERANCE)
    assert found["collected"].keys() == golden["collected"].keys()
    for name, expected in golden["collected"].items():
        assert found["collected"][name] == pytest.approx(expected), name
    # In one order, since the states of optimisers are.
    assert list(found["gradients"]) == list(golden["gradients"])
    for name, expected in golden["gradients"].items():
        difference = np.abs(np.subtract(found["gradients"][name], expected)).max()
        assert difference <= GRADIENT_TOLERANCE * expected[0] + ZERO, name


@pytest.mark.parametrize("name", zoo_training.SPECAUG)
def test_augmentation_draws_as_upstream_does(name):
    golden = json.loads((GOLDEN / "specaug.json").read_text())[name]
    assert zoo_training_calls.augmented(*zoo_training.SPECAUG[name]) == pytest.approx(golden, abs=1e-4)


@pytest.mark.parametrize("init", zoo_training.INITIALIZERS)
@pytest.mark.parametrize("name", zoo_training.INITIALIZED)
def test_weights_begin_as_upstream_has_them(name, init, tmp_path):
    golden = json.loads((GOLDEN / "initialized.json").read_text())[name][init]
    rows = {**zoo.ROWS, **{row.name: row for row in zoo_training.TRAINED}}
    found = zoo_training_calls.initialized(rows[name], tmp_path, init)
    assert found == pytest.approx(golden, rel=1e-5)


def test_unknown_ways_to_begin_are_refused():
    with pytest.raises(ValueError, match=r"init: expected one of chainer, .* found 'chainer_espnet1'"):
        initialize(torch.nn.Linear(1, 1), "chainer_espnet1")


def test_every_row_has_a_golden_and_every_golden_a_row():
    assert {path.stem for path in GOLDEN.glob("*.json")} == {
        "specaug",
        "initialized",
        *(row.name for row in zoo_training.TRAINED),
    }
