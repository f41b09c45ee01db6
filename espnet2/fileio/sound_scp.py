"""Recordings by list: `wav.scp` with one `utterance path` per line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from espnet2.fileio.audio import read_samples
from espnet2.fileio.table import TableReader
from espnet2.runtime.errors import DataError


class SoundScpReader(TableReader[tuple[int, np.ndarray]]):
    """Utterance -> (sampling rate in Hz, samples (T,), or (T, C) where there is more than one channel).

    Args:
        fname: `wav.scp`; its paths are relative to the working directory or, failing that, to the file's own
            directory or one above it.
        dtype: Of the samples: float32 or float64 in [-1, 1), int16 or int32 as stored; default float64.
        always_2d: (T, C) for one channel, too.

    Raises:
        DataError: The list cannot be read, or has a command (`cmd |`) where a path should be. Commands of a list are
            never run.
    """

    def __init__(self, fname: Path | str, dtype: str | None = None, always_2d: bool = False) -> None:
        super().__init__(fname, "the path of a recording")
        self.dtype = "float64" if dtype is None else str(np.dtype(dtype))
        self.always_2d = always_2d
        for key, value in self.data.items():
            if value.endswith("|"):
                raise DataError(
                    f"{fname}: {key}: expected the path of a recording, found the command {value!r}: "
                    "run it and list the file it makes"
                )

    def __getitem__(self, key: str) -> tuple[int, np.ndarray]:
        samples, rate = read_samples(self.get_path(key), self.dtype, self.always_2d)
        return rate, samples
