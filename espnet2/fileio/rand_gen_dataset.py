"""Arrays of random numbers, which take the place of data where only its shape matters; NumPy's state draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from espnet2.fileio.read_text import load_num_sequence_text
from espnet2.interface.errors import OptionError


class _RandomArrays(Mapping[str, np.ndarray]):
    """Key -> an array of its shape, another one each time.

    Args:
        shape_file: Lines such as `utt1 1243,80`.
        dtype: Of the arrays.
        loader_type: Of the file, as in `load_num_sequence_text`.
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
    """Key -> numbers of the normal distribution, in an array of its shape."""

    def __init__(self, shape_file: Path | str, dtype: str | np.dtype = "float32", loader_type: str = "csv_int") -> None:
        super().__init__(shape_file, dtype, loader_type)

    def __getitem__(self, key: str) -> np.ndarray:
        return np.random.randn(*self._shape(key)).astype(self.dtype)


class IntRandomGenerateDataset(_RandomArrays):
    """Key -> whole numbers from `low` to below `high` (None: from 0 to below `low`), in an array of its shape."""

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
