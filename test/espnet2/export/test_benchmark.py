"""Benchmarks of a bundle, and their table."""

from pathlib import Path

import pytest

from espnet2.export.benchmark import Row, benchmark_bundle, table
from espnet2.interface.errors import OptionError
from espnet2.runtime.families.search import SearchFamily

BOUNDED = {"beam_size": 2, "maxlenratio": -3.0}  # a generated signal has no end


def test_a_recogniser_has_an_encoder_and_a_search(demo_bundle):
    rows = benchmark_bundle(demo_bundle, [], 1, 2, BOUNDED)
    assert [row.backend for row in rows] == ["ONNX fp32"]
    assert list(rows[0].stages) == ["encoder", "search"]
    assert rows[0].latency == sum(rows[0].stages.values()) > 0
    assert rows[0].factor > 0


def test_a_speaker_model_has_one_stage():
    (row,) = benchmark_bundle(Path(__file__).parents[2] / "golden" / "spk", [], 1, 1, {})
    assert list(row.stages) == ["run"]
    assert row.factor > 0


@pytest.mark.parametrize(
    ("repeat", "options", "sentence"),
    [
        (0, {}, "--repeat: expected a number from 1 to 1000, found 0"),
        (10**9, {}, "--repeat: expected a number from 1 to 1000, found 1000000000"),
        (1, {"speed": 2.0}, "speed: expected an option of recognition, found an unknown name"),
    ],
)
def test_mistakes(demo_bundle, repeat, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        benchmark_bundle(demo_bundle, [], 1, repeat, options)


def test_a_model_of_another_task_is_refused(trained_files):
    bundle = Path(__file__).parents[2] / "golden" / "spk"
    with pytest.raises(OptionError, match="--asr_train_config: expected none, since the model has to be of speaker"):
        benchmark_bundle(bundle, [], 1, 1, {}, trained_files)


def test_the_defaults_are_options():
    SearchFamily.options.from_keywords(SearchFamily.benchmark_options)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (
            [
                Row("PyTorch", {"encoder": 0.02, "search": 0.08}, 0.25),
                Row("ONNX fp32", {"encoder": 0.01, "search": 0.03}, 0.1),
            ],
            [
                "           encoder ms latency ms real-time factor times faster",
                "PyTorch          20.0      100.0           0.2500         1.00",
                "ONNX fp32        10.0       40.0           0.1000         2.50",
            ],
        ),
        (
            [Row("ONNX fp32", {"run": 0.01}, None)],
            [
                "           latency ms real-time factor times faster",
                "ONNX fp32        10.0                -         1.00",
            ],
        ),
    ],
)
def test_table(rows, lines):
    assert table(rows).splitlines() == lines
