"""Arrays by name in one file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from espnet2.utils.file_name import require_member_name


class ArrayFile:
    """An npz file that gets one array after the other, and its name when it is finished.

    Args:
        path: Of the file, in a directory that exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._archive = zipfile.ZipFile(self._partial, "w")

    def add(self, name: str, array: np.ndarray) -> None:
        """Write an array; raises `FileNameError` for a name that leads elsewhere."""
        require_member_name(name)
        plain = name.encode("utf-8", "backslashreplace").decode()
        with self._archive.open(f"{plain}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, array, allow_pickle=False)

    def finish(self, complete: bool) -> bool:
        """Give the file its name, unless it is not complete or empty: then the file of an earlier run stays.

        Returns whether it did.
        """
        empty = not self._archive.namelist()
        try:
            self._archive.close()
        except (OSError, ValueError):  # no room for its end, or an array that had none
            self._partial.unlink(missing_ok=True)
            if complete:
                raise
            return False
        if empty or not complete:
            self._partial.unlink(missing_ok=True)
            return False
        os.replace(self._partial, self.path)
        return True
