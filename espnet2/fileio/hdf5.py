"""Arrays in HDF5 files, by the package h5py."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.arrays import NUMBERS
from espnet2.interface.errors import DataError, EspnetError, MissingPackageError, reason_of
from espnet2.interface.foreign_file import require_file
from espnet2.interface.limits import may_expand


def open_hdf5(path: Path | str, expected: str, error_type: type[EspnetError]) -> Any:
    """Open an HDF5 file for reading; raises `error_type`, or `MissingPackageError` where h5py is not installed."""
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise MissingPackageError(f"{path}: expected the package h5py, found none; pip install h5py") from error
    require_file(path, expected, error_type, "MODEL_BYTES")
    try:
        return h5py.File(path, "r")
    except Exception as error:  # its readers of damaged files have no common error
        raise error_type(f"{path}: expected {expected}, found: {reason_of(error)}") from error


def read_dataset(file: Any, name: str, path: Path | str, error_type: type[EspnetError]) -> np.ndarray:
    """The array `name` of numbers in an open HDF5 file at `path`; raises `error_type` for anything else."""
    try:
        found = file[name]
        size, stored = int(found.nbytes), os.path.getsize(path)
        if not may_expand(size, stored):
            raise ValueError(f"an array that claims to have {size} bytes, in a file of {stored}")
        array = np.asarray(found[()])
    except Exception as error:
        raise error_type(f"{path}: expected an array {name!r}, found: {reason_of(error)}") from error
    if array.dtype.kind not in NUMBERS:
        raise error_type(f"{path}: expected numbers in {name!r}, found an array of {array.dtype}")
    return array


class H5FileWrapper(Mapping[str, np.ndarray]):
    """Mapping from utterances to arrays in an HDF5 file.

    Args:
        path: The file.

    Raises:
        DataError: It is no HDF5 file.
        MissingPackageError: h5py is not installed.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.file: Any = open_hdf5(path, "an HDF5 file", DataError)

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self:
            raise KeyError(key)
        return read_dataset(self.file, key, self.path, DataError)

    def __contains__(self, key: object) -> bool:
        return key in self.file

    def __len__(self) -> int:
        return len(self.file)

    def __iter__(self) -> Iterator[str]:
        return iter(self.file)
