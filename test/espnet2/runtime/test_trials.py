"""Lists of trials, and the error rate of their scores."""

import pytest

from espnet2.interface.errors import DataError
from espnet2.runtime.trials import Trial, equal_error_rate, read_trials


def read(tmp_path, text):
    (tmp_path / "trials").write_text(text, encoding="utf-8")
    return read_trials(tmp_path / "trials", ["a", "b", "c"])


@pytest.mark.parametrize(
    ("line", "trial"),
    [
        ("a b", Trial("a", "b", None, "a b")),
        ("a  b 1", Trial("a", "b", 1, "a b")),
        ("a b nontarget", Trial("a", "b", 0, "a b")),
        ("a*b", Trial("a", "b", None, "a*b")),
        ("a*c 0", Trial("a", "c", 0, "a*c")),
        ("c*c target", Trial("c", "c", 1, "c*c")),
    ],
)
def test_a_line_is_a_trial(tmp_path, line, trial):
    assert read(tmp_path, f"\n{line}\r\n") == [trial]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected lines 'NAME NAME', .* found no lines"),
        ("a b\na\n", r"trials:2: expected lines 'NAME NAME', .* found 'a'"),
        ("a b 2\n", r"trials:1: expected .* found 'a b 2'"),
        ("a*b*c 1\n", r"trials:1: expected .*"),
        ("a d\n", r"trials:1: expected names of the 3 recordings, found 'd'"),
    ],
)
def test_another_line_is_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="none: expected trials, found No such file"):
        read_trials(tmp_path / "none", [])


def test_equal_error_rate():
    trials = [Trial("a", "b", label, "") for label in (1, 1, 0, 0)]
    assert equal_error_rate(trials, [0.9, 0.8, 0.2, 0.1]) == 0.0
    assert equal_error_rate(trials, [0.9, 0.1, 0.8, 0.0]) == pytest.approx(50.0)
    assert equal_error_rate(trials[:2], [0.9, 0.1]) is None
    assert equal_error_rate([*trials, Trial("a", "b", None, "")], [1, 1, 0, 0, 0]) is None
