"""Arrays in HDF5 files, by the package h5py."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, MissingPackageError


class H5FileWrapper(Mapping[str, np.ndarray]):
    """Mapping from utterances to arrays in an HDF5 file.

    Args:
        path: The file.

    Raises:
        DataError: It is no HDF5 file.
        MissingPackageError: h5py is not installed.
    """

    def __init__(self, path: Path | str) -> None:
        try:
            h5py = importlib.import_module("h5py")
        except ImportError as error:
            raise MissingPackageError(f"{path}: expected the package h5py, found none; pip install h5py") from error
        if not Path(path).is_file():
            raise DataError(f"{path}: expected an HDF5 file, found none")
        try:
            self.file: Any = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path}: expected an HDF5 file, found: {error}") from error

    def __getitem__(self, key: str) -> np.ndarray:
        return np.asarray(self.file[key][()])

    def __contains__(self, key: object) -> bool:
        return key in self.file

    def __len__(self) -> int:
        return len(self.file)

    def __iter__(self) -> Iterator[str]:
        return iter(self.file)
