"""Arrays of random numbers, which take the place of data where only its shape matters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.read_text import load_num_sequence_text
from espnet2.runtime.errors import DataError, MissingPackageError, OptionError

RANDOM_INTS = re.compile(r"rand_int_(\d+)_(\d+)")


class RandomArrays(Mapping[str, np.ndarray]):
    """Utterance -> an array of the shape that a file gives, with other numbers each time; NumPy's state draws them.

    Args:
        path: Lines such as `utt1 100,80`.
        low, high: Whole numbers from `low` to below `high`; None: float32 from a normal distribution.

    Raises:
        DataError: The file cannot be read.
        OptionError: `high` is not above `low`.
    """

    def __init__(self, path: str, low: int | None = None, high: int | None = None) -> None:
        self.shapes = load_num_sequence_text(path, "csv_int")
        self.low, self.high = low, high
        if low is not None and high is not None and low >= high:
            raise OptionError(f"{path}: expected rand_int_LOW_HIGH with LOW below HIGH, found {low} and {high}")

    def __getitem__(self, key: str) -> np.ndarray:
        shape = [int(size) for size in self.shapes[key]]
        if self.low is not None:
            return np.random.randint(self.low, self.high, shape)
        return np.random.randn(*shape).astype(np.float32)

    def __len__(self) -> int:
        return len(self.shapes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)


class Hdf5Reader(Mapping[str, np.ndarray]):
    """Utterance -> an array, from an HDF5 file with an array of each.

    Raises:
        MissingPackageError: h5py is not installed.
        DataError: The file cannot be read.
    """

    def __init__(self, path: str) -> None:
        try:
            import h5py
        except ImportError as error:
            raise MissingPackageError(f"{path}: type hdf5 needs the package h5py: pip install h5py") from error
        if not Path(path).is_file():
            raise DataError(f"{path}: expected an HDF5 file, found none")
        try:
            self.file: Any = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path}: expected an HDF5 file, found: {error}") from error

    def __getitem__(self, key: str) -> np.ndarray:
        return self.file[key][()]

    def __len__(self) -> int:
        return len(self.file)

    def __iter__(self) -> Iterator[str]:
        return iter(self.file)
