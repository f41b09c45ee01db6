"""The seam between the texts of two parts that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Said(NamedTuple):
    """A token of a long recording, and its frames [start, end) there, where they are known."""

    token: int
    frames: tuple[int, int] | None = None


def within(count: int, shared: int, length: int) -> int:
    """The number of `count` tokens in `length` frames that may be in `shared` ones: twice the share of an even pace."""
    return min(count, 2 * -(-count * shared // length))


def seam(left: Sequence[Said], right: Sequence[Said], middle: float, near: int, lead: float) -> tuple[int, int]:
    """The number of tokens of `left` to keep, and of `right` to skip, where both have a text for the same speech.

    Args:
        left, right: The last and the first tokens of the two texts.
        middle: Frame in the middle of the overlap.
        near: Frames between the places of one token in both, at most.
        lead: Where `right` begins within `left`, as a share of its tokens, if their frames are not known.
    """
    starts = [one.frames[0] for one in left if one.frames is not None]
    others = [one.frames[0] for one in right if one.frames is not None]
    tokens = [one.token for one in left], [one.token for one in right]
    if len(starts) == len(left) and len(others) == len(right):
        return by_time(*tokens, starts, others, middle, near)
    return by_run(*tokens, lead)


def by_time(
    left: Sequence[int],
    right: Sequence[int],
    starts: Sequence[int],
    others: Sequence[int],
    middle: float,
    near: int,
) -> tuple[int, int]:
    """The seam of tokens that start at these frames: before one that both have, as near to the `middle` as it can be,
    or else there."""
    common = [
        (abs(starts[i] + others[j] - 2 * middle), i, j)
        for i in range(len(left))
        for j in range(len(right))
        if left[i] == right[j] and abs(starts[i] - others[j]) <= near
    ]
    if common:
        _, kept, skipped = min(common)
        return kept, skipped
    return sum(start < middle for start in starts), sum(start < middle for start in others)


def by_run(left: Sequence[int], right: Sequence[int], lead: float = 0.0) -> tuple[int, int]:
    """The seam in the middle of the longest run of tokens that both have.

    Of equally long ones, that at the likest places, where `right` begins behind `lead` of `left`. Without a common
    token, both are kept whole.
    """
    best, place = (0, 0.0), (len(left), 0)
    for i in range(len(left)):
        for j in range(len(right)):
            run = 0
            while i + run < len(left) and j + run < len(right) and left[i + run] == right[j + run]:
                run += 1
            key = (run, -abs(i / len(left) - lead - j / len(right)))
            if run and key > best:
                best, place = key, (i + run // 2, j + run // 2)
    return place
