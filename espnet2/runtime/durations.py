"""Rules by which predicted durations become whole frames of tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Durations = np.ndarray


@dataclass(frozen=True)
class Rule:
    """From logarithms of durations to frames.

    Attributes:
        shown: Frames (U,) int64, as results show them, of logarithms (U,) and a factor of the speed.
        spoken: Frames (U,) int64 that are spoken, of those that are shown and the factor.
        border: Logarithms at which the one of two neighbouring numbers of frames becomes the other.
    """

    shown: Callable[[np.ndarray, float], Durations]
    spoken: Callable[[Durations, float], Durations]
    border: Callable[[Durations, Durations], np.ndarray]


def frames_of(logarithms: np.ndarray) -> Durations:
    """Whole frames of logarithms of 1 + duration, int64, half a frame rounded to even."""
    return np.maximum(np.round(np.exp(logarithms) - 1), 0).astype(np.int64)


def scaled(durations: Durations, alpha: float) -> Durations:
    """Durations times `alpha`, half a frame rounded to even; one frame for each token where none has any."""
    steps = np.round(durations * np.float32(alpha)).astype(np.int64)
    return steps if steps.any() else np.ones_like(steps)


def _begun(logarithms: np.ndarray, alpha: float) -> Durations:
    """Frames that durations times `alpha` have begun."""
    return np.ceil(np.exp(logarithms) * np.float32(alpha)).astype(np.int64)


# By the attribute `durations` of a text encoder.
RULES = {
    "round": Rule(
        lambda logarithms, alpha: frames_of(logarithms),
        scaled,
        lambda one, other: np.log1p((one + other) / 2),
    ),
    "ceil": Rule(
        _begun,
        lambda durations, alpha: scaled(durations, 1.0),
        lambda one, other: np.log(np.maximum(np.minimum(one, other), 1)),
    ),
}
