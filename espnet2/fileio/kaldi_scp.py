"""Arrays and recordings in Kaldi's archives, by list."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from espnet2.fileio.kaldi_ark import part_of, read_ark, split_range
from espnet2.fileio.read_text import found_path
from espnet2.fileio.shell import output_of
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import DataError, EspnetError, reason_of
from espnet2.interface.foreign_file import opened

PLACE = re.compile(r"(?P<path>.+):(?P<offset>\d+)")


class KaldiScpReader(TableReader["np.ndarray | tuple[int, np.ndarray]"]):
    """Mapping from utterances to a matrix (T, D) or vector (T,), or (sampling rate in Hz, samples (T,)).

    Args:
        fname: Lines such as `utt1 feats.ark:123`, where `feats.ark:123[0:9]` is the first ten rows; paths are found as
            `SoundScpReader` finds them, and commands are run by the shell, as in `SoundListReader`.
        dtype: dtype of samples.

    Raises:
        DataError: The list or, on use, a file of it cannot be read, or a range is empty.
        AudioError: On use, a recording cannot be read.
    """

    def __init__(self, fname: Path | str, dtype: str = "float32") -> None:
        super().__init__(fname, "the place of an array, such as feats.ark:123")
        self.dtype = dtype

    def __getitem__(self, key: str) -> np.ndarray | tuple[int, np.ndarray]:
        try:
            listed, ranges = split_range(self.data[key])
            value = self._read(listed)
            return part_of(value, ranges) if isinstance(value, np.ndarray) else (value[0], part_of(value[1], ranges))
        except EspnetError:
            raise
        except Exception as error:  # sizes in a damaged file lead anywhere
            raise DataError(
                f"{self.fname}: {key}: expected an array of Kaldi in {self.data[key]}, found: {reason_of(error)}"
            ) from error

    def place(self, key: str) -> str:
        """List and utterance."""
        return f"{self.fname}: {key}"

    def _read(self, listed: str) -> np.ndarray | tuple[int, np.ndarray]:
        if listed.endswith("|"):
            return read_ark(output_of(listed), self.dtype, listed)
        place = PLACE.fullmatch(listed)
        path = listed if place is None else place["path"]
        with opened(found_path(path, self.fname), "MODEL_BYTES") as file:
            file.seek(0 if place is None else int(place["offset"]))
            return read_ark(file, self.dtype, listed)
