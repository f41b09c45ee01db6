"""Speech to verify models on: recordings, or noise where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2.fileio.recording import recording_of_file
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Axis, Component

OUTPUT_LENGTH = 50  # frames of the output that noise gives
CHANNELS = 3  # of noise, where a model reads several
STEPS = 8  # of noise that is a stream


def speech_signals(entry: Component, sample_rate: int, recordings: Sequence[str | Path]) -> dict[str, np.ndarray]:
    """Speech by name, samples (T,) or (T, C), or features (T, D), for the component `entry` that it goes into.

    Raises:
        OptionError: Recordings for a model that reads features.
        EspnetError: A recording cannot be used.
    """
    if not recordings:
        return {"generated signal": _noise(entry)}
    if not reads_samples(entry):
        raise OptionError(f"recordings: expected none for a model that reads features, found {len(recordings)}")
    axes = 1 + len(_frame(entry))
    return {str(path): recording_of_file(str(path)).read(sample_rate, axes) for path in recordings}


def reads_samples(entry: Component) -> bool:
    """Whether a component reads samples (B, T) or (B, T, C), or steps of samples (B, N, S), not features."""
    return not _frame(entry) if _reads_steps(entry) else entry.inputs[0].axes[1] == "samples"


def _reads_steps(entry: Component) -> bool:
    """Whether a component reads streams in steps of S: (B, N, S, ...), where N may be 1."""
    axis = entry.inputs[0].axes[1]
    return axis == "steps" or isinstance(axis, int)


def _frame(entry: Component) -> tuple[Axis, ...]:
    """Axes of a sample (none, or channels) or of a frame of features."""
    return entry.inputs[0].axes[3 if _reads_steps(entry) else 2 :]


def _noise(entry: Component) -> np.ndarray:
    """Samples (T,) or (T, C), or features (T, D), that give `OUTPUT_LENGTH` frames of outputs, or fill `STEPS`."""
    axes = entry.inputs[0].axes
    if _reads_steps(entry):
        length = STEPS * int(axes[2])
    else:
        length = entry.shortest(OUTPUT_LENGTH).get(str(axes[1]), OUTPUT_LENGTH)
    channels = max(CHANNELS, entry.least_channels)
    shape = [length, *(channels if axis == "channels" else int(axis) for axis in _frame(entry))]
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
