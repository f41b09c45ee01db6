"""Blocks of a long list, and what is done where their workers end; the cluster is one of this test."""

from __future__ import annotations

import sys

import pytest

from espnet2.interface.errors import MissingPackageError
from espnet2.runtime import distributed
from espnet2.runtime.distributed import Done, Item, blocks, cluster, failed, work_on

ITEMS = [Item(name, f"{name}.wav", seconds) for name, seconds in zip("abcde", (1.0, 5.0, 3.0, 0.0, 9.0), strict=True)]


@pytest.mark.parametrize(
    "most, seconds, expected",
    [(2, 100.0, ["eb", "ca", "d"]), (10, 8.0, ["e", "bc", "ad"]), (10, 100.0, ["ebcad"])],
)
def test_blocks_have_items_of_similar_length(most, seconds, expected):
    assert ["".join(item.name for item in block) for block in blocks(ITEMS, most, seconds)] == expected


def test_items_of_blocks_that_are_lost_are_tried_one_by_one(monkeypatch):
    tried = []

    def run(ray, given, make, workers, cpus):
        """Lose every block with item c, and answer one block twice, as where a worker ends behind its last result."""
        tried.append([[item.name for item in block] for block in given])
        for block in given:
            if "c" not in {item.name for item in block}:
                for _ in range(2):
                    yield from (Done(item.name, "{}") for item in block)

    monkeypatch.setattr(distributed, "_run", run)
    found = [*work_on(None, ITEMS, lambda: None, size=2, workers=2, cpus=1)]
    assert tried == [[["e", "b"], ["c", "a"], ["d"]], [["c"], ["a"]]]
    assert [done.name for done in found] == ["e", "b", "d", "a", "c"]
    assert [done.error for done in found] == [""] * 4 + [
        "c.wav: expected workers that recognise it, found that each has ended"
    ]


class OfAnActor(Exception):
    """Error that Ray raises where one of an actor is its cause."""

    cause = RuntimeError("Failed to bind to address")


@pytest.mark.parametrize("error", [RuntimeError("Failed to bind to address"), OfAnActor("Traceback ...")])
def test_errors_of_actors_are_those_that_they_raised(error):
    message = "--ray: expected a service that starts, found Failed to bind to address"
    assert str(failed("a service that starts", error)).startswith(message)


def test_without_ray_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackageError, match="expected the package ray, found none"), cluster("data", "", 1):
        pass
