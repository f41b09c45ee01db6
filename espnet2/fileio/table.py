"""Base of readers of Kaldi-style lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from espnet2.fileio.read_text import found_path, read_2columns_text, require_values

Value = TypeVar("Value", covariant=True)


class TableReader(Mapping[str, Value]):
    """Mapping from keys to the contents of listed files, which subclasses read on use.

    Args:
        fname: The list.
        expected: Expected value of a line, for errors.

    Raises:
        DataError: The list cannot be read, or a line has a key only.
    """

    def __init__(self, fname: Path | str, expected: str) -> None:
        self.fname = Path(fname)
        self.data = read_2columns_text(fname)
        require_values(fname, self.data, expected)

    def get_path(self, key: str) -> str:
        """Find the file of a key: as listed if that exists, otherwise relative to the list or a directory above it."""
        return found_path(self.data[key], self.fname)

    def place(self, key: str) -> str:
        """Name of a key's value in messages: its file, or list and key if the file holds more than this value."""
        return self.get_path(key)

    def keys_table(self) -> Mapping[str, object]:
        """A table with the keys of this reader."""
        return self.data

    def __len__(self) -> int:
        return len(self.keys_table())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys_table())

    def __contains__(self, key: object) -> bool:
        # Mapping's own would read the file.
        return key in self.keys_table()
