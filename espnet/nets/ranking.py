"""The largest of many values, in order; of equal ones the lower index first."""

from __future__ import annotations

import numpy as np

_STRIPES = 16


def top_k(values: np.ndarray, k: int) -> np.ndarray:
    """Indices of the k (all, if fewer) largest of values (N,), largest first; of equal ones the lower index first.

    Raises:
        ValueError: There are not k values, because some are NaN.
    """
    return top_k_of_rows(values[None], k)[0]


def top_k_of_rows(values: np.ndarray, k: int) -> np.ndarray:
    """`top_k` of each row of values (R, N): (R, k).

    Raises:
        ValueError: There are not k values in a row, because some are NaN.
    """
    k = min(k, values.shape[1])
    rows, found = np.divmod(np.flatnonzero(values >= _least(values, k)), values.shape[1])
    counts = np.bincount(rows, minlength=len(values))
    if counts.min() < k:
        bad = np.count_nonzero(np.isnan(values[counts.argmin()]))
        raise ValueError(f"expected scores that are numbers, found NaN in {bad} of {values.shape[1]}")
    order = np.lexsort((-values[rows, found], rows))
    return found[order[(np.cumsum(counts) - counts)[:, None] + np.arange(k)]]


def _least(values: np.ndarray, k: int) -> np.ndarray:
    """A bound (R, 1) that k values of each row reach, and few more.

    k maxima of disjoint stripes bound the k-th value from below, and are quick to find.
    """
    width = values.shape[1] // _STRIPES
    if width >= k:
        values = values[:, : _STRIPES * width].reshape(len(values), _STRIPES, width).max(axis=1)
    return np.partition(values, values.shape[1] - k, axis=1)[:, -k, None]
