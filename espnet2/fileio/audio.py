"""Reading of recordings as samples: one channel, float32, at the model's rate."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from espnet2.interface.errors import AudioError

CONTAINERS = (b"RIFF", b"fLaC", b"OggS", b"FORM")  # first bytes of recordings with a header
# Encoders that write to a pipe put a huge number of frames into the header. A file has an unknown length if it is above
# this limit, 74 hours at 16 kHz.
LONGEST = 2**32
TOO_LARGE = (MemoryError, OverflowError)
BLOCK = 2**20  # frames to read at once if their number is unknown

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


def read_audio(path: Path | str, fs: int) -> np.ndarray:
    """Read samples (T,) of a recording with one channel, float32 in [-1, 1), resampled to `fs` Hz if necessary.

    Raises:
        AudioError: The file cannot be read, or has more than one channel.
    """
    samples, rate = read_samples(path, "float32")
    return resample(only_channel(samples, str(path)), rate, fs, str(path))


def only_channel(samples: np.ndarray, name: str) -> np.ndarray:
    """Return samples (T,) of (T,) or (T, 1); raises an `AudioError` about `name` for several channels."""
    if samples.ndim == 1:
        return samples
    if samples.shape[1] != 1:
        raise AudioError(
            f"{name}: expected one channel, found {samples.shape[1]}; choose or mix one (sox {name} mono.wav remix 1)"
        )
    return samples[:, 0]


def resample(samples: np.ndarray, rate: int, fs: int, name: str) -> np.ndarray:
    """Resample (T,) or (T, C) from `rate` Hz to `fs` Hz, with a log line about `name`."""
    if rate == fs:
        return samples
    import soxr

    _log.info("%s: resampled from %d to %d Hz", name, rate, fs)
    return soxr.resample(samples, rate, fs, quality="HQ")


def recording_size(path: Path | str) -> tuple[int, int]:
    """Read the number of samples per channel, and the sampling rate in Hz, from a file's header.

    Raises:
        AudioError: It cannot be read.
    """

    def size(file: Any) -> tuple[int, int]:
        frames = file.frames if file.frames < LONGEST else sum(map(len, _blocks(file, "int16", None)))
        return frames, file.samplerate

    return _of_file(path, size, None)


def subtype_of(path: Path | str) -> str:
    """Read the encoding of a recording's samples, such as PCM_16; raises `AudioError` if that fails."""
    return _of_file(path, lambda file: str(file.subtype), None)


def read_samples(
    source: Path | str | BinaryIO,
    dtype: str,
    always_2d: bool = False,
    span: tuple[float, float] | None = None,
    name: str | None = None,
) -> tuple[np.ndarray, int]:
    """Read samples (T,) or (T, C) and sampling rate of any format of libsndfile.

    Args:
        source: The file, or its contents.
        dtype: float32, float64, int16 or int32.
        always_2d: (T, C) for one channel, too.
        span: Start and end in seconds; -1 is the end of the recording.
        name: Name of the recording in errors; default: the file.

    Raises:
        AudioError: It cannot be read.
    """

    def read(file: Any) -> tuple[np.ndarray, int]:
        rate, (start, end) = file.samplerate, span or (0, -1)
        first, last = int(start * rate), None if end == -1 else int(end * rate)
        if file.frames >= LONGEST:
            samples = np.concatenate([*_blocks(file, dtype, last)])[first:]
        else:
            file.seek(min(first, file.frames))
            samples = file.read(max((file.frames if last is None else last) - first, 0), dtype=dtype, always_2d=True)
        return samples if always_2d or samples.shape[1] != 1 else samples[:, 0], rate

    return _of_file(source, read, name)


@cache
def stream_type() -> Any:
    """The class of recordings of unknown length, whose type needs libsndfile."""
    import soundfile

    class Stream(soundfile.SoundFile):
        """File object for sequential reading, without seeking."""

        def seekable(self) -> bool:
            return False

    return Stream


def _of_file(source: Path | str | BinaryIO, read: Callable[[Any], Result], name: str | None) -> Result:
    """Open a file and apply `read` to it; one of unknown length is opened as a stream, without seeking."""
    import soundfile

    called = str(source) if name is None else name
    is_missing = isinstance(source, str | Path) and not Path(source).exists()
    try:
        # libsndfile seeks in a file, which a pipe, such as a shell's <(command), does not support.
        if isinstance(source, str | Path) and Path(source).is_fifo():
            source = io.BytesIO(Path(source).read_bytes())
        with soundfile.SoundFile(source) as file:
            if file.frames < LONGEST:
                return read(file)
        if not isinstance(source, str | Path):
            source.seek(0)
        with stream_type()(source) as file:
            return read(file)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError, *TOO_LARGE) as error:
        raise not_a_recording(called, error, not is_missing) from error


def _blocks(file: Any, dtype: str, last: int | None) -> Iterator[np.ndarray]:
    """Read blocks of samples (T, C) up to frame `last`, or to the end; the first block may be empty."""
    read = 0
    while True:
        wanted = BLOCK if last is None else min(BLOCK, last - read)
        block = file.read(wanted, dtype=dtype, always_2d=True)
        yield block
        read += len(block)
        if len(block) < wanted or read == last:
            return


def not_a_recording(name: str, error: Exception, exists: bool) -> AudioError:
    """The error for a recording that cannot be read, or that does not exist."""
    found = (getattr(error, "error_string", None) or str(error)).rstrip(".") if exists else "no such file"
    return AudioError(f"{name}: expected a recording (WAV, FLAC, Ogg, ...), found {found}")
