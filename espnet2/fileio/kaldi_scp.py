"""Arrays of Kaldi by list, read by the package kaldiio."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np

from espnet2.fileio.read_text import found_path
from espnet2.fileio.table import TableReader
from espnet2.runtime.errors import DataError, MissingPackageError


class KaldiScpReader(TableReader["np.ndarray | tuple[int, np.ndarray]"]):
    """Utterance -> a matrix (T, D) or vector (T,), or (sampling rate in Hz, samples (T,)) of a recording.

    Args:
        fname: Lines such as `utt1 feats.ark:123`; paths are found as `SoundScpReader` finds them, and commands are run
            by the shell, as in `SoundListReader`.

    Raises:
        DataError: The list cannot be read, or, on use, a file of it.
        MissingPackageError: kaldiio is not installed.
    """

    def __init__(self, fname: Path | str) -> None:
        _kaldiio(fname)
        super().__init__(fname, "the place of an array, such as feats.ark:123")

    def __getitem__(self, key: str) -> np.ndarray | tuple[int, np.ndarray]:
        listed = self.data[key]
        path, colon, offset = listed.rpartition(":")
        if listed.endswith("|"):
            place = listed
        elif colon and offset.isdigit():
            place = f"{found_path(path, self.fname)}:{offset}"
        else:
            place = found_path(listed, self.fname)
        try:
            return _kaldiio(self.fname).load_mat(place)
        # What kaldiio raises for files that are something else is not limited to these, and is told in their words.
        except Exception as error:
            found = (error.strerror if isinstance(error, OSError) else None) or str(error) or "something else"
            raise DataError(f"{self.fname}: {key}: expected an array of Kaldi in {place}, found: {found}") from error


def _kaldiio(fname: Path | str) -> ModuleType:
    try:
        return importlib.import_module("kaldiio")
    except ImportError as error:
        raise MissingPackageError(f"{fname}: expected the package kaldiio, found none; pip install kaldiio") from error
