"""Distance of two sequences that may run at different speeds (dynamic time warping, Sakoe and Chiba 1978)."""

from __future__ import annotations

import numpy as np


def warped_distance(expected: np.ndarray, found: np.ndarray) -> float:
    """Mean absolute difference of features along the best alignment, over their mean absolute deviation.

    Args:
        expected: (T, F).
        found: (T', F).

    Returns:
        0 for equal sequences, about 1 for unrelated ones; inf where `expected` does not change, and `found` differs.
    """
    costs = np.stack([np.abs(found - frame).mean(axis=1) for frame in expected])
    if not costs.diagonal().any() and costs.shape[0] == costs.shape[1]:
        return 0.0
    spread = float(np.abs(expected - expected.mean(axis=0)).mean())
    total, steps = _best_path(costs)
    return total / steps / spread if spread else float("inf")


def _best_path(costs: np.ndarray) -> tuple[float, int]:
    """The smallest sum of costs (T, T') from the first pair to the last, and how many pairs that path has."""
    rows, columns = costs.shape
    # Anti-diagonals, so that each is computed at once: entry r of one holds the pair (r, diagonal - r).
    sums = [np.full(rows + 1, np.inf), np.full(rows + 1, np.inf)]
    counts = [np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)]
    sums[0][0] = 0.0  # before the first pair
    for diagonal in range(rows + columns - 1):
        row = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        # Entry r + 1 stands for row r, so that the row before the first one is there.
        ways = np.stack([sums[0][row], sums[1][row], sums[1][row + 1]])
        lengths = np.stack([counts[0][row], counts[1][row], counts[1][row + 1]])
        best = ways.argmin(axis=0)
        place = np.arange(len(row))
        sums = [sums[1], np.full(rows + 1, np.inf)]
        counts = [counts[1], np.zeros(rows + 1, np.int64)]
        sums[1][row + 1] = ways[best, place] + costs[row, diagonal - row]
        counts[1][row + 1] = lengths[best, place] + 1
    return float(sums[1][rows]), int(counts[1][rows])
