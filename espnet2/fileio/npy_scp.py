"""Arrays by list: `utterance path.npy` on each line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from espnet2.fileio.arrays import read_array
from espnet2.fileio.scp_writer import ScpWriter
from espnet2.fileio.table import TableReader
from espnet2.interface.errors import DataError
from espnet2.utils.atomic import write_atomically
from espnet2.utils.file_name import require_member_name


class NpyScpReader(TableReader[np.ndarray]):
    """Mapping from utterances to the arrays of `.npy` files.

    Args:
        fname: The list; its paths are found as `SoundScpReader` finds them.

    Raises:
        DataError: The list cannot be read, or, on use, a file of it is not an array.
    """

    def __init__(self, fname: Path | str) -> None:
        super().__init__(fname, "the path of a .npy file")

    def __getitem__(self, key: str) -> np.ndarray:
        path = self.get_path(key)
        return read_array(path, "an array in a .npy file", DataError)


class NpyScpWriter(ScpWriter):
    """Writer of arrays and their list: `writer["utt1"] = array`.

    Args:
        outdir: Directory of the `.npy` files.
        scpfile: The list.

    Raises:
        TypeError: On use, a value is no array.
    """

    def __setitem__(self, key: str, value: np.ndarray) -> None:
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{key}: expected an array, found {type(value).__name__}")
        require_member_name(key)
        path = self.dir / f"{key}.npy"
        with write_atomically(path) as file:
            np.save(file, value)
        self._add(key, str(path))
