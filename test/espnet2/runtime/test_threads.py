"""Threads of graphs and gatherings of utterances, by cores and batch."""

import pytest

from espnet2.interface.errors import OptionError
from espnet2.runtime.threads import gatherings_of, threads_of


@pytest.mark.parametrize(
    ("cores", "wanted", "batched", "expected"),
    [
        (1, None, True, (1, 1)),
        (2, None, False, (2, 1)),
        (2, None, True, (2, 1)),
        (4, None, True, (4, 2)),
        (4, 9, True, (4, 2)),
        (8, None, False, (8, 1)),
        (64, None, True, (64, 4)),
        (8, 1, True, (1, 1)),
    ],
)
def test_threads_share_the_cores(monkeypatch, cores, wanted, batched, expected):
    monkeypatch.setattr("espnet2.runtime.threads.available_cores", lambda: cores)
    assert threads_of(wanted, batched) == expected


@pytest.mark.parametrize(
    ("cores", "wanted", "batch_size", "expected"), [(1, None, 8, 1), (2, None, 8, 2), (2, None, 3, 1), (2, 1, 8, 1)]
)
def test_gatherings_side_by_side(monkeypatch, cores, wanted, batch_size, expected):
    monkeypatch.setattr("espnet2.runtime.threads.available_cores", lambda: cores)
    assert gatherings_of(wanted, batch_size) == expected


@pytest.mark.parametrize(
    ("wanted", "sentence"), [(0, "at least 1, found 0"), (-2, "at least 1"), (100_000, "at most 1024, found 100000")]
)
def test_numbers_that_no_machine_has_are_refused(wanted, sentence):
    with pytest.raises(OptionError, match=f"num_threads: expected {sentence}"):
        threads_of(wanted, True)
