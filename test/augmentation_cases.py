"""Audio effects that upstream is compared on: the options of each, and the signal that they read."""

from __future__ import annotations

from typing import Any

import numpy as np

FS = 8000
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("lowpass", "lowpass", {}),
    ("lowpass-narrow", "lowpass", {"cutoff_freq": 200, "Q": 3.0}),
    ("highpass", "highpass", {}),
    ("bandpass", "bandpass", {"center_freq": 2000}),
    ("bandpass-skirt", "bandpass", {"center_freq": 1000, "Q": 2.0, "const_skirt_gain": True}),
    ("bandreject", "bandreject", {}),
    ("contrast", "contrast", {"enhancement_amount": 50.0}),
    ("equalization", "equalization", {"gain": 6.0}),
    ("pitch-up", "pitch_shift", {"n_steps": 4}),
    ("pitch-down", "pitch_shift", {"n_steps": -3, "n_fft": 0.03, "hop_length": 0.01}),
    ("speed-slow", "speed_perturb", {"factor": 0.9}),
    ("speed-fast", "speed_perturb", {"factor": 1.1}),
    ("stretch-slow", "time_stretch", {"factor": 0.9}),
    ("stretch-fast", "time_stretch", {"factor": 1.25, "window": "hamming"}),
    ("preemphasis", "preemphasis", {}),
    ("deemphasis", "deemphasis", {}),
    ("clipping", "clipping", {"min_quantile": 0.1}),
    ("polarity", "polarity_inverse", {}),
    ("reverse", "reverse", {}),
    ("phase", "corrupt_phase", {}),
]
# Random choices of effects are upstream's, too, for a seed.
DRAWN: list[Any] = [
    [0.2, "reverse", {}],
    [0.3, "polarity_inverse", {}],
    [0.5, [[0.3, "preemphasis", {"coeff": 0.9}], [0.7, "contrast", {}]]],
]
SEEDS = range(6)


def signal() -> np.ndarray:
    """A chirp with noise, 800 samples, some of them close to 1."""
    time = np.arange(800) / FS
    noise = np.random.RandomState(0).standard_normal(800)
    return (0.7 * np.sin(2 * np.pi * (200 + 8000 * time) * time) + 0.1 * noise).astype(np.float32)
