"""Levenshtein distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def edit_distance(reference: Sequence, hypothesis: Sequence) -> int:
    """Smallest number of insertions, deletions and substitutions between two sequences."""
    numbers: dict[object, int] = {}
    expected, found = (
        np.array([numbers.setdefault(item, len(numbers)) for item in sequence], dtype=np.int64)
        for sequence in (reference, hypothesis)
    )
    columns = np.arange(len(found) + 1)
    row = columns
    for index, item in enumerate(expected, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (found != item))
        # Each insertion costs one per column, so the best start of a run of them is a running minimum.
        row = np.minimum.accumulate(np.concatenate([[index], best]) - columns) + columns
    return int(row[-1])
