"""Recordings with a channel in each of several files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from espnet2.fileio.audio import read_samples
from espnet2.fileio.read_text import found_path
from espnet2.fileio.table import TableReader
from espnet2.runtime.errors import AudioError


class SoundColumnsReader(TableReader[tuple[int, np.ndarray]]):
    """Utterance -> (sampling rate in Hz, samples (T, C)) of the channels of all its files.

    Args:
        fname: Lines such as `utt1 channel1.wav channel2.wav`; paths are found as `SoundScpReader` finds them.
        dtype: Of the samples.

    Raises:
        DataError: The list cannot be read.
        AudioError: On use, a file is no recording, or has another length or rate than the first of its line.
    """

    def __init__(self, fname: Path | str, dtype: str = "float32") -> None:
        self.dtype = dtype
        super().__init__(fname, "paths of recordings")

    def __getitem__(self, key: str) -> tuple[int, np.ndarray]:
        paths = [found_path(listed, self.fname) for listed in self.data[key].split()]
        columns = [read_samples(path, self.dtype, always_2d=True) for path in paths]
        samples, rate = columns[0]
        for path, (other, other_rate) in zip(paths, columns, strict=True):
            if (len(other), other_rate) != (len(samples), rate):
                raise AudioError(
                    f"{path}: expected {len(samples)} samples at {rate} Hz, as {paths[0]} has, "
                    f"found {len(other)} at {other_rate} Hz"
                )
        if not len(samples):
            raise AudioError(f"{paths[0]}: expected samples, found none")
        return rate, np.concatenate([column for column, _ in columns], axis=1)

    def place(self, key: str) -> str:
        """List and utterance."""
        return f"{self.fname}: {key}"
