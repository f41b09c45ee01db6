"""Recordings as samples that a recogniser takes: one channel, float32, at the model's rate."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO

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


def recording_size(path: Path | str) -> tuple[int, int]:
    """Number of samples per channel, and sampling rate in Hz, of a file that libsndfile reads.

    Raises:
        AudioError: It cannot be read.
    """
    import soundfile

    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise _not_a_recording(str(path), error, Path(path).exists()) from error
    return info.frames, info.samplerate


def read_samples(
    source: Path | str | BinaryIO,
    dtype: str,
    always_2d: bool = False,
    span: tuple[float, float] | None = None,
    name: str | None = None,
) -> tuple[np.ndarray, int]:
    """Samples (T,) or (T, C) and sampling rate of any file that libsndfile reads.

    Args:
        source: The file, or its contents.
        dtype: float32, float64, int16 or int32.
        always_2d: (T, C) for one channel, too.
        span: The seconds at which to start and to end; -1 is the end of the recording.
        name: What errors call the recording; default: the file.

    Raises:
        AudioError: It cannot be read.
    """
    import soundfile

    try:
        with soundfile.SoundFile(source) as file:
            rate, (start, end) = file.samplerate, span or (0, -1)
            first, last = int(start * rate), file.frames if end == -1 else int(end * rate)
            if first:
                file.seek(min(first, file.frames))
            samples = file.read(max(last - first, 0), dtype=dtype, always_2d=always_2d)
            return samples, rate
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        is_missing = isinstance(source, str | Path) and not Path(source).exists()
        raise _not_a_recording(str(source) if name is None else name, error, not is_missing) from error


def _not_a_recording(name: str, error: Exception, exists: bool) -> AudioError:
    found = (getattr(error, "error_string", None) or str(error)).rstrip(".") if exists else "no such file"
    return AudioError(f"{name}: expected a recording (WAV, FLAC, Ogg, ...), found {found}")
