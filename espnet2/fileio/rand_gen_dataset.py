"""Arrays of random numbers from NumPy's global generator, as stand-ins for data of given shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from espnet2.fileio.read_text import load_num_sequence_text
from espnet2.interface.errors import OptionError


class _RandomArrays(Mapping[str, np.ndarray]):
    """Mapping from keys to random arrays, drawn at each access.

    Args:
        shape_file: Lines such as `utt1 1243,80`.
        dtype: dtype of the arrays.
        loader_type: Format of the file, as in `load_num_sequence_text`.
    """

    def __init__(self, shape_file: Path | str, dtype: str | np.dtype, loader_type: str) -> None:
        self.shapes = load_num_sequence_text(shape_file, loader_type)
        self.dtype = np.dtype(dtype)

    def _shape(self, key: str) -> tuple[int, ...]:
        return tuple(map(int, self.shapes[key]))

    def __contains__(self, key: object) -> bool:
        return key in self.shapes

    def __len__(self) -> int:
        return len(self.shapes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)


class FloatRandomGenerateDataset(_RandomArrays):
    """Mapping from keys to arrays of normally distributed numbers."""

    def __init__(self, shape_file: Path | str, dtype: str | np.dtype = "float32", loader_type: str = "csv_int") -> None:
        super().__init__(shape_file, dtype, loader_type)

    def __getitem__(self, key: str) -> np.ndarray:
        return np.random.randn(*self._shape(key)).astype(self.dtype)


class IntRandomGenerateDataset(_RandomArrays):
    """Mapping from keys to arrays of integers from `low` to below `high` (None: from 0 to below `low`)."""

    def __init__(
        self,
        shape_file: Path | str,
        low: int,
        high: int | None = None,
        dtype: str | np.dtype = "int64",
        loader_type: str = "csv_int",
    ) -> None:
        super().__init__(shape_file, dtype, loader_type)
        if high is not None and low >= high:
            raise OptionError(f"{shape_file}: expected random numbers from low to below high, found {low} and {high}")
        self.low = low
        self.high = high

    def __getitem__(self, key: str) -> np.ndarray:
        return np.random.randint(self.low, self.high, self._shape(key)).astype(self.dtype)
