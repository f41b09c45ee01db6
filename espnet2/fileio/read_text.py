"""Kaldi-style tables: one line per key, the key first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from espnet2.runtime.errors import DataError


def read_2columns_text(path: Path | str, keys_to_load: Collection[str] | None = None) -> dict[str, str]:
    """Key -> rest of its line (which may be empty or hold blanks), for all keys or those of `keys_to_load`.

    Raises:
        DataError: The file cannot be read, a line has no key, or a key comes twice.
    """
    table: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        key, value = [*line.rstrip().split(maxsplit=1), "", ""][:2]
        if not key:
            raise DataError(f"{path}, line {number}: expected 'key value', found an empty line")
        if key in table:
            raise DataError(f"{path}, line {number}: expected each key once, found {key!r} again")
        table[key] = value
    return {key: value for key, value in table.items() if keys_to_load is None or key in keys_to_load}


def _lines(path: Path | str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{path}: expected a text file in UTF-8, found {found}") from error
