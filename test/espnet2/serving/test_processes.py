"""Numbers and cores of the processes of a service."""

from __future__ import annotations

import os

import pytest

from espnet2.serving.processes import group_of, take_number, use_cores


@pytest.mark.parametrize(
    ("count", "cores", "groups"),
    [
        (1, [0, 1, 5], [[0, 1, 5]]),
        (2, [0, 1, 4, 5, 6], [[0, 1], [4, 5, 6]]),
        (4, [2, 3, 4, 5], [[2], [3], [4], [5]]),
        (5, [0, 1, 2], [[0], [0], [1], [1], [2]]),
    ],
)
def test_groups_are_equal_shares_of_the_cores(count, cores, groups):
    assert [group_of(number, count, cores) for number in range(count)] == groups


def test_numbers_are_the_first_that_are_free(tmp_path):
    assert [take_number(tmp_path) for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("number", "count", "threads", "bound", "expected"),
    [
        (1, 2, None, {2, 3}, 2),
        (0, 3, None, {0}, 1),
        (2, 3, None, {2, 3}, 2),
        (1, 2, 1, {2, 3}, 1),
        (1, 2, 4, None, 4),  # more threads than its share
        (2, 2, None, None, 2),  # one more than there are, while another one ends
    ],
)
def test_processes_are_bound_to_their_groups(monkeypatch, number, count, threads, bound, expected):
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cores: asked.append(set(cores)), raising=False)
    assert use_cores(number, count, threads) == expected
    assert asked == ([] if bound is None else [bound])


@pytest.mark.parametrize(("threads", "expected"), [(None, 2), (3, 3)])
def test_a_sandbox_that_forbids_it_leaves_all_cores(monkeypatch, threads, expected):
    def refuse(pid, cores):
        raise PermissionError("no")

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(5)), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    assert use_cores(1, 2, threads) == expected
