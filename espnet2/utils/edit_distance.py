"""Levenshtein distance."""

from __future__ import annotations

from collections.abc import Sequence


def edit_distance(reference: Sequence, hypothesis: Sequence) -> int:
    """The fewest insertions, deletions and substitutions that turn one sequence into the other."""
    row = list(range(len(hypothesis) + 1))
    for index, expected in enumerate(reference, start=1):
        above, row = row, [index]
        for column, found in enumerate(hypothesis, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (expected != found)))
    return row[-1]
