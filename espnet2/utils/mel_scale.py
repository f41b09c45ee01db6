"""Mel scales of Slaney's Auditory Toolbox and of HTK, and the filters that are equally spaced on them."""

from __future__ import annotations

import math

import numpy as np

# Slaney's scale is linear up to 1000 Hz (15 mel) and logarithmic above: 27 mel for every factor of 6.4.
HZ_PER_MEL = 200.0 / 3.0
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / HZ_PER_MEL
LOG_STEP = math.log(6.4) / 27.0
MOST_NUMBERS = 1 << 24  # of filters: a thousand of 16384 bins


def hz_to_mel(hz: float, htk: bool = False) -> float:
    """Frequency in Hz to mel: HTK's 2595 log10(1 + f/700), or Slaney's scale."""
    if htk:
        return 2595.0 * math.log10(1.0 + hz / 700.0)
    return hz / HZ_PER_MEL if hz < BREAK_HZ else BREAK_MEL + math.log(hz / BREAK_HZ) / LOG_STEP


def mel_to_hz(mel: np.ndarray, htk: bool = False) -> np.ndarray:
    """The inverse of `hz_to_mel`, for an array."""
    if htk:
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return np.where(mel < BREAK_MEL, mel * HZ_PER_MEL, BREAK_HZ * np.exp(LOG_STEP * (mel - BREAK_MEL)))


def mel_filters(
    fs: int, n_fft: int, n_mels: int, fmin: float, fmax: float, htk: bool = False, unit_area: bool = True
) -> np.ndarray:
    """Triangular filters equally spaced on the mel scale: (n_mels, n_fft // 2 + 1) float32.

    With `unit_area`, their area is 1 per Hz; otherwise their peaks are 1. Raises `ValueError` for more than
    `MOST_NUMBERS`.
    """
    if n_mels * (n_fft // 2 + 1) > MOST_NUMBERS:
        raise ValueError(f"expected mel filters of at most {MOST_NUMBERS} numbers, found {n_mels} for {n_fft} points")
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin, htk), hz_to_mel(fmax, htk), n_mels + 2), htk)
    bins = np.linspace(0.0, fs / 2, n_fft // 2 + 1) if n_fft % 2 == 0 else np.arange(n_fft // 2 + 1) * (fs / n_fft)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = np.maximum(triangles, 0.0) * (2.0 / (high - low) if unit_area else 1.0)
    return filters.astype(np.float32)
