"""Recordings as samples that a recogniser takes: one channel, float32, at the model's rate."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from espnet2.runtime.errors import AudioError

_log = logging.getLogger(__name__)


def read_audio(path: Path | str, fs: int) -> np.ndarray:
    """Samples (T,) of a recording with one channel, float32 in [-1, 1), resampled to `fs` Hz where it has another rate.

    Raises:
        AudioError: The file cannot be read, or has more than one channel.
    """
    samples, rate = read_samples(path, "float32", always_2d=True)
    channels = samples.shape[1]
    if channels != 1:
        raise AudioError(
            f"{path}: expected one channel, found {channels}; choose or mix one (sox {path} mono.wav remix 1)"
        )
    return resample(samples[:, 0], rate, fs, str(path))


def resample(samples: np.ndarray, rate: int, fs: int, name: str) -> np.ndarray:
    """Samples (T,) at `rate` Hz to samples at `fs` Hz, with a log line that calls them `name`."""
    if rate == fs:
        return samples
    import soxr

    _log.info("%s: resampled from %d to %d Hz", name, rate, fs)
    return soxr.resample(samples, rate, fs, quality="HQ")


def read_samples(path: Path | str, dtype: str, always_2d: bool = False) -> tuple[np.ndarray, int]:
    """Samples (T,) or (T, C) and sampling rate of any file that libsndfile reads.

    Raises:
        AudioError: It cannot be read.
    """
    import soundfile

    try:
        return soundfile.read(path, dtype=dtype, always_2d=always_2d)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        found = getattr(error, "error_string", None) or str(error)
        reason = found.rstrip(".") if Path(path).exists() else "no such file"
        raise AudioError(f"{path}: expected a recording (WAV, FLAC, Ogg, ...), found {reason}") from error
