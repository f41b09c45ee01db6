"""The best token of every frame: the simplest reading of a CTC output, and where other searches begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class GreedyText(NamedTuple):
    """U tokens, the probability of each at the frame where it is highest, and the frames [start, end) that it holds."""

    tokens: np.ndarray
    probability: np.ndarray
    start: np.ndarray
    end: np.ndarray


def greedy_text(log_probs: np.ndarray, blank: int = 0) -> GreedyText:
    """Merge equal neighbours among the best tokens of log_probs (T, V), then leave out blanks (Graves et al. 2006)."""
    best = log_probs.argmax(axis=1)
    start = np.flatnonzero(np.diff(best, prepend=-1))
    end = np.append(start[1:], len(best))
    peaks = np.maximum.reduceat(log_probs.max(axis=1), start) if len(start) else log_probs.max(axis=1, initial=0.0)
    said = best[start] != blank
    return GreedyText(best[start][said], np.exp(peaks[said]), start[said], end[said])
