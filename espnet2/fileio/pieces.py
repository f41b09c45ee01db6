"""Recordings of any length, read piece by piece: samples of one channel, float32, at the model's rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from espnet2.fileio.audio import LONGEST, content_of, is_plausible, not_a_recording, require_rate, rewind, stream_type
from espnet2.interface.errors import AudioError

if TYPE_CHECKING:
    from typing_extensions import Self

SECONDS = 10.0  # of a piece


class Pieces:
    """Pieces of a recording, samples (T,) in [-1, 1), each of about `SECONDS`; several channels are averaged.

    Args:
        source: A file of any format of libsndfile, or the contents of one.
        fs: Sampling rate of the pieces in Hz.
        name: Name of the recording in errors.

    Raises:
        AudioError: It cannot be read; also while it is read.
    """

    def __init__(self, source: Path | BinaryIO, fs: int, name: str) -> None:
        self.fs, self.name = fs, name
        self._file = self._attempt(lambda: _open(source))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    @property
    def seconds(self) -> float:
        """Duration in seconds; 0: not known."""
        return self._file.frames / self._file.samplerate if self._file.frames < LONGEST else 0.0

    def __iter__(self) -> Iterator[np.ndarray]:
        rate = self._file.samplerate
        require_rate(rate, self.fs, self.name)
        resample = _unchanged if rate == self.fs else _resampler(rate, self.fs)
        wanted = max(int(SECONDS * rate), 1)
        while True:
            block = self._attempt(lambda: self._file.read(wanted, dtype="float32", always_2d=True))
            is_last = len(block) < wanted
            yield resample(block[:, 0] if block.shape[1] == 1 else block.mean(axis=1), is_last)
            if is_last:
                return

    def _attempt(self, read: Any) -> Any:
        try:
            return read()
        except AudioError:
            raise
        except Exception as error:  # as in `espnet2.fileio.audio`
            raise not_a_recording(self.name, error) from error


def _open(source: Path | BinaryIO) -> Any:
    """Open a recording for reading in order."""
    import soundfile

    opened, size = content_of(source)
    rewind(opened)
    file = soundfile.SoundFile(opened)
    if is_plausible(file, size):
        return file
    file.close()
    rewind(opened)
    return stream_type()(opened)


def _unchanged(samples: np.ndarray, is_last: bool) -> np.ndarray:
    return samples


def _resampler(rate: int, fs: int) -> Any:
    import soxr

    return soxr.ResampleStream(rate, fs, 1, dtype="float32", quality="HQ").resample_chunk
