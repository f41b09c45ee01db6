"""Error rates of verification by scores: equal error rate, and smallest detection cost.

Labels are 1 for pairs that match and 0 for others; a pair is accepted if its score is as high as a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Point = list[float]  # a threshold, and the rates of false acceptance and false rejection there


def tuneThresholdfromScore(
    scores: Sequence[float], labels: Sequence[int], target_fa: Sequence[float], target_fr: Sequence[float] | None = None
) -> tuple[list[Point], float, np.ndarray, np.ndarray]:
    """Thresholds of given error rates, and the equal error rate.

    Args:
        scores: Scores of pairs.
        labels: Labels of the same pairs.
        target_fa: Rates of false acceptance, from 0 to 1; the nearest point of the curve is returned for each.
        target_fr: The same for rates of false rejection.

    Returns:
        The points of `target_fr`, then those of `target_fa`; the equal error rate in per cent; and the rates of false
        acceptance and false rejection at all thresholds, from high to low.
    """
    thresholds, fpr, fnr = _rates(np.asarray(scores, dtype=float), np.asarray(labels))
    places = [int(np.argmin(np.abs(rate - fnr))) for rate in target_fr or ()]
    places += [int(np.argmin(np.abs(rate - fpr))) for rate in target_fa]
    points = [[thresholds[place], fpr[place], fnr[place]] for place in places]
    equal = int(np.argmin(np.abs(fnr - fpr)))
    return points, max(fpr[equal], fnr[equal]) * 100, fpr, fnr


def _rates(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds from high to low, and rates of false acceptance and rejection, at the corners of the curve only."""
    order = np.argsort(-scores, kind="stable")
    scores, matches = scores[order], (labels[order] == 1).astype(float)
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of equal scores
    accepted = np.cumsum(matches)[last]
    wrong = 1 + last - accepted
    corners = np.append(np.append(True, np.diff(wrong, 2) != 0) | np.append(True, np.diff(accepted, 2) != 0), True)
    corners = corners if len(last) > 2 else np.full(len(last), True)
    thresholds, accepted, wrong = (values[corners] for values in (scores[last], accepted, wrong))
    fpr, tpr = (np.append(0.0, values) / values[-1] for values in (wrong, accepted))
    return np.append(np.inf, thresholds), fpr, 1 - tpr


def ComputeErrorRates(
    scores: Sequence[float], labels: Sequence[int]
) -> tuple[list[float], list[float], tuple[float, ...]]:
    """Rates of false rejection and of false acceptance when pairs up to each score are rejected, from low to high."""
    order = sorted(range(len(scores)), key=lambda place: scores[place])
    matches = np.array([labels[place] for place in order])
    rejected = np.cumsum(matches) / matches.sum()
    accepted = 1 - np.cumsum(1 - matches) / (len(matches) - matches.sum())
    return rejected.tolist(), accepted.tolist(), tuple(scores[place] for place in order)


def ComputeMinDcf(
    fnrs: Sequence[float],
    fprs: Sequence[float],
    thresholds: Sequence[float],
    p_target: float,
    c_miss: float,
    c_fa: float,
) -> tuple[float, float]:
    """Normalised minimum detection cost (NIST), and its threshold.

    Args:
        fnrs, fprs, thresholds: Results of `ComputeErrorRates`.
        p_target: Probability of a pair that matches.
        c_miss: Cost of a false rejection.
        c_fa: Cost of a false acceptance.
    """
    costs = c_miss * np.asarray(fnrs) * p_target + c_fa * np.asarray(fprs) * (1 - p_target)
    best = int(np.argmin(costs))
    return float(costs[best] / min(c_miss * p_target, c_fa * (1 - p_target))), thresholds[best]
