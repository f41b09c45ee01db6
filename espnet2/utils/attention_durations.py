"""Durations of tokens from the attention of a synthesiser."""

from __future__ import annotations

import numpy as np


def durations_of(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Durations of tokens by attention, and how sharp it is.

    Args:
        weights: (steps, U), or (layers, heads, steps, U), of which the head with the sharpest attention counts.

    Returns:
        (U,) int64 steps at whose largest weight each token is, and the mean of these weights, the focus rate (Ren et
        al. 2019, FastSpeech, section 3.3).
    """
    heads = weights.reshape(-1, *weights.shape[-2:])
    sharpness = heads.max(axis=-1).mean(axis=-1)
    best = int(sharpness.argmax())
    return np.bincount(heads[best].argmax(axis=-1), minlength=weights.shape[-1]), sharpness[best]
