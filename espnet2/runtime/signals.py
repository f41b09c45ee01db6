"""Speech to verify models on: recordings, or noise where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2.fileio.recording import recording_of_file
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component

OUTPUT_LENGTH = 50  # frames of the output that noise gives
CHANNELS = 3  # of noise, where a model reads several


def speech_signals(entry: Component, sample_rate: int, recordings: Sequence[str | Path]) -> dict[str, np.ndarray]:
    """Speech by name, samples (T,) or (T, C), or features (T, D), for the component `entry` that it goes into.

    Raises:
        OptionError: Recordings for a model that reads features.
        EspnetError: A recording cannot be used.
    """
    speech = entry.inputs[0]
    stream = "steps" in speech.axes
    frame = speech.axes[3:] if stream else speech.axes[2:]
    if not recordings:
        return {"generated signal": _noise(entry)}
    if frame if stream else speech.axes[1] != "samples":
        raise OptionError(f"recordings: expected none for a model that reads features, found {len(recordings)}")
    axes = 1 + len(frame)
    return {str(path): recording_of_file(str(path)).read(sample_rate, axes) for path in recordings}


def _noise(entry: Component) -> np.ndarray:
    """Samples (T,) or (T, C), or features (T, D), that give `OUTPUT_LENGTH` frames of the output."""
    (rule,) = entry.lengths
    sizes = {"channels": max(CHANNELS, entry.least_channels), rule.source: rule.length.shortest(OUTPUT_LENGTH)}
    shape = [axis if isinstance(axis, int) else sizes[axis] for axis in entry.inputs[0].axes[1:]]
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
