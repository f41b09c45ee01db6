"""The distance of two values."""

from __future__ import annotations

from typing import Any

import numpy as np


def difference(expected: Any, found: Any) -> float:
    """Largest difference of two values, relative to the expected one where that exceeds 1.

    It is inf for other shapes and dtypes, and for NaN.
    """
    expected, found = np.asarray(expected), np.asarray(found)
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return float("inf")
    if expected.size == 0:
        return 0.0
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    worst = float((np.abs(expected - found) / np.maximum(1.0, np.abs(expected))).max())
    return worst if worst == worst else float("inf")  # NaN compares as smaller than any tolerance in max()
