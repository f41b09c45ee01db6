"""Reading of recordings as samples: one channel, float32, at the model's rate."""

from __future__ import annotations

import io
import logging
import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from espnet2.interface.errors import AudioError, reason_of
from espnet2.interface.foreign_file import read_foreign, size_of
from espnet2.interface.limits import hint, limit, may_expand

CONTAINERS = (b"RIFF", b"fLaC", b"OggS", b"FORM")  # first bytes of recordings with a header
# Encoders that write to a pipe put a huge number of frames into the header. A file has an unknown length if it is above
# this limit, 74 hours at 16 kHz.
LONGEST = 2**32
BLOCK = 2**20  # frames to read at once if their number is unknown
SAMPLE_BYTES = 4  # in memory
EXPECTED = "a recording (WAV, FLAC, Ogg, ...)"

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

    require_rate(rate, fs, name)
    _log.info("%s: resampled from %d to %d Hz", name, rate, fs)
    return soxr.resample(samples, rate, fs, quality="HQ")


def require_rate(rate: int, fs: int, name: str) -> None:
    """Raise `AudioError` for a rate that is not resampled: a file of 1 Hz would become one of any size."""
    lowest, highest = limit("AUDIO_RATE_LOWEST"), limit("AUDIO_RATE")
    if rate != fs and not lowest <= rate <= highest:
        raise AudioError(f"{name}: expected a rate from {lowest} to {highest} Hz, or {fs} Hz, found {rate} Hz")


def recording_size(path: Path | str) -> tuple[int, int]:
    """Read the number of samples per channel, and the sampling rate in Hz, from a file's header.

    Raises:
        AudioError: It cannot be read.
    """

    def size(file: Any, stored: int) -> tuple[int, int]:
        frames = file.frames if file.seekable() else sum(map(len, _blocks(file, "int16", None, stored)))
        return frames, file.samplerate

    return _of_file(path, size, None)


def subtype_of(path: Path | str) -> str:
    """Read the encoding of a recording's samples, such as PCM_16; raises `AudioError` if that fails."""
    return _of_file(path, lambda file, _: str(file.subtype), None)


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

    def read(file: Any, stored: int) -> tuple[np.ndarray, int]:
        rate, (start, end) = file.samplerate, span or (0, -1)
        first, last = int(start * rate), None if end == -1 else int(end * rate)
        if not file.seekable():
            samples = np.concatenate([*_blocks(file, dtype, last, stored)])[first:]
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


def _of_file(source: Path | str | BinaryIO, read: Callable[[Any, int], Result], name: str | None) -> Result:
    """Open a file and apply `read` to it; one of unknown length is opened as a stream, without seeking."""
    called = str(source) if name is None else name
    try:
        opened, size = content_of(source)
        return _read(opened, size, read)
    except AudioError:
        raise
    except Exception as error:  # libsndfile's errors, names that no system has, and what sizes in headers lead to
        raise not_a_recording(called, error) from error


def content_of(source: Path | str | BinaryIO) -> tuple[bytes | BinaryIO, int]:
    """Source for libsndfile, and its bytes: a file's name; the contents of a pipe, in which it cannot seek."""
    if not isinstance(source, str | Path):
        return source, source.seek(0, io.SEEK_END)
    if stat.S_ISFIFO(os.stat(source).st_mode):
        content = read_foreign(source, EXPECTED, AudioError, "PIPE_BYTES")
        return io.BytesIO(content), len(content)
    return os.fsencode(source), size_of(source, "MODEL_BYTES")


def _read(source: bytes | BinaryIO, size: int, read: Callable[[Any, int], Result]) -> Result:
    import soundfile

    rewind(source)
    with soundfile.SoundFile(source) as file:
        _require_length(file.frames / file.samplerate if file.frames < LONGEST else 0)
        if is_plausible(file, size):
            try:
                return read(file, size)
            except soundfile.SoundFileError as error:
                damage = error
        else:
            damage = None
    rewind(source)
    # Where it cannot be read as a stream either, what a file of known length lacks is the better message.
    with stream_type()(source) as file:
        try:
            return read(file, size)
        except soundfile.SoundFileError as error:
            raise damage or error from error


def rewind(source: bytes | BinaryIO) -> None:
    """Go to the start of contents, before they are opened once more."""
    if not isinstance(source, bytes):
        source.seek(0)


def is_plausible(file: Any, size: int) -> bool:
    """Whether a file of `size` bytes may hold the samples of its header; FLAC holds 65535 zeros in 14 bytes."""
    return file.frames < LONGEST and may_expand(file.frames * file.channels, size, SAMPLE_BYTES)


def _require_length(seconds: float) -> None:
    most = limit("AUDIO_SECONDS")
    if seconds > most:
        raise ValueError(f"one of more than {most} seconds; {hint('AUDIO_SECONDS')}")


def _blocks(file: Any, dtype: str, last: int | None, stored: int) -> Iterator[np.ndarray]:
    """Read blocks of samples (T, C) up to frame `last`, or to the end, of a file of `stored` bytes; the first may be
    empty."""
    read = 0
    while True:
        wanted = BLOCK if last is None else min(BLOCK, last - read)
        block = file.read(wanted, dtype=dtype, always_2d=True)
        yield block
        read += len(block)
        _require_length(read / file.samplerate)
        if not may_expand(read * file.channels, stored, SAMPLE_BYTES):
            raise ValueError(f"more than {read} samples in {stored} bytes; {hint('EXPANSION')}")
        if len(block) < wanted or read == last:
            return


def not_a_recording(name: str, error: Exception) -> AudioError:
    """The error for a recording that cannot be read, or that does not exist."""
    found = getattr(error, "error_string", None) or reason_of(error)
    found = "no such file" if isinstance(error, FileNotFoundError) else found.rstrip(".")
    return AudioError(f"{name}: expected {EXPECTED}, found {found}")
