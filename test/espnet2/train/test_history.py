"""Statistics of training: means, logs and what follows are upstream's."""

import json
import math

import pytest
import torch

from espnet2.interface.errors import TrainingError
from espnet2.train.history import History, Meter, number, timespan


def test_means_and_their_line_are_upstreams(repo_dir):
    batches, line = json.loads((repo_dir / "test" / "golden" / "trainer.json").read_text())["log"]
    meter = Meter()
    for value, weight in batches:
        stats = {"a": value, "b": value * 1e-4, "c": value * 1e6, "d": 0.0, "e": -value}
        meter.add({name: torch.tensor(item, dtype=torch.float64) for name, item in stats.items()}, torch.tensor(weight))
    history = History()
    history.record(1, {"train": meter.mean()}, {"train": len(meter)})
    assert history.line() == f"{line}, total_count=4"


@pytest.mark.parametrize(
    ("batches", "mean"),
    [
        ([(1.0, 1.0), (math.inf, 2.0), (math.nan, 1.0), (3.0, 3.0)], 2.5),
        ([(math.inf, 1.0), (math.nan, 1.0)], math.nan),
        ([(1.0, None), (math.nan, None), (2.0, None)], 1.5),
        ([(1.0, None), (math.inf, None)], math.inf),
    ],
)
def test_what_is_not_finite_is_left_out_as_upstream_does(batches, mean):
    meter = Meter()
    for value, weight in batches:
        meter.add({"loss": value}, weight)
    assert meter.mean()["loss"] == pytest.approx(mean, nan_ok=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "1.000e-03"), (0.0011, "0.001"), (1000.0, "1000.000"), (1000.1, "1.000e+03"), (-0.5, "-0.500"),
     (0.0, "0.000e+00"), (math.nan, "nan")],
)  # fmt: skip
def test_numbers_are_written_as_upstream_does(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (0.4, "0.4 seconds"), (1, "1 second"), (61.2, "1 minute and 1.2 seconds"),
     (3723.7, "1 hour, 2 minutes and 3.7 seconds"), (90061, "1 day, 1 hour and 1 minute")],
)  # fmt: skip
def test_times_are_written_as_upstream_does(seconds, text):
    assert timespan(seconds) == text


def made(*values):
    history = History()
    for epoch, value in enumerate(values, 1):
        history.record(epoch, {"valid": {"acc": value}}, {"valid": 2})
    return history


def test_the_best_epochs_come_first_and_nan_last():
    history = made(0.1, 0.5, 0.3, 0.5, math.nan)
    assert history.best_epochs("valid", "acc", "max") == [2, 4, 3, 1, 5]
    assert history.best_epochs("valid", "acc", "min") == [1, 3, 2, 4, 5]
    assert history.best_epochs("valid", "cer", "min") == []
    assert history.nbest([("valid", "acc", "max"), ("valid", "acc", "min")], 2) == {1, 2, 3, 4}
    assert history.value("valid", "total_count") == 10


@pytest.mark.parametrize(("patience", "stops"), [(None, []), (0, [3, 4]), (1, [4]), (2, [])])
def test_patience_is_upstreams(patience, stops):
    values = (0.1, 0.5, 0.3, 0.5)
    found = [made(*values[:epoch]).stalled(patience, ("valid", "acc", "max")) for epoch in (1, 2, 3, 4)]
    assert [epoch for epoch, stalled in enumerate(found, 1) if stalled] == stops


def test_a_criterion_without_a_statistic_is_named():
    history = made(0.1, 0.5)
    history.require("best_model_criterion", [("valid", "cer", "min"), ("valid", "acc", "max")])
    message = r"patience: expected a statistic of this training \(valid: acc, total_count\), found valid,cer"
    with pytest.raises(TrainingError, match=message):
        history.require("patience", [("valid", "cer", "min")])
