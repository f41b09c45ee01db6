"""Several recordings of an utterance, possibly of different lengths, as one array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.audio import read_samples
from espnet2.fileio.read_text import found_path
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import AudioError


class MultiSoundScpReader(TableReader[tuple[int, np.ndarray]]):
    """Mapping from utterances to (sampling rate in Hz, samples (N, T) of N recordings, or (N, T, C)).

    Args:
        fname: Lines such as `utt1 a.wav b.wav`; paths are found as `SoundScpReader` finds them.
        dtype: dtype of samples, as in `SoundScpReader`.
        always_2d: (N, T, C) for one channel, too.
        stack_axis: The axis of the recordings.
        pad: Value with which shorter recordings are padded.

    Raises:
        DataError: The list cannot be read.
        AudioError: On use, a recording cannot be read, or its rate or channels differ from the first one's.
    """

    def __init__(
        self,
        fname: Path | str,
        dtype: str | type | None = None,
        always_2d: bool = False,
        stack_axis: int = 0,
        pad: float = np.nan,
    ) -> None:
        super().__init__(fname, "paths of recordings")
        self.dtype = "float64" if dtype is None else str(np.dtype(dtype))
        self.always_2d = always_2d
        self.stack_axis = stack_axis
        self.pad = pad

    def __getitem__(self, key: str) -> tuple[int, np.ndarray]:
        paths = self.get_path(key)
        read = [read_samples(path, self.dtype, self.always_2d) for path in paths]
        first, fs = read[0]
        for path, (samples, rate) in zip(paths, read, strict=True):
            if (rate, samples.shape[1:]) != (fs, first.shape[1:]):
                raise AudioError(
                    f"{path}: expected {_channels(first)} at {fs} Hz, as {paths[0]} has, "
                    f"found {_channels(samples)} at {rate} Hz"
                )
        return fs, np.stack(pad_to_same_length([samples for samples, _ in read], self.pad), self.stack_axis)

    def get_path(self, key: str) -> Any:
        """Return the paths of a key's recordings."""
        return [found_path(path, self.fname) for path in self.data[key].split()]

    def place(self, key: str) -> str:
        """List and utterance."""
        return f"{self.fname}: {key}"


def _channels(samples: np.ndarray) -> str:
    return f"{samples.shape[1] if samples.ndim == 2 else 1} channels"


def pad_to_same_length(arrays: Sequence[np.ndarray], pad: float) -> list[np.ndarray]:
    """Pad arrays (T, ...) to the length of the longest with `pad`."""
    longest = max(map(len, arrays))
    padded = [np.full((longest, *array.shape[1:]), pad if len(array) < longest else 0, array.dtype) for array in arrays]
    for target, array in zip(padded, arrays, strict=True):
        target[: len(array)] = array
    return padded
