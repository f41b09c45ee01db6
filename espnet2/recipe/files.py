"""Files that are complete under their names: what is written gets its name when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from espnet2.fileio.read_text import read_2columns_text
from espnet2.runtime.errors import DataError


@contextmanager
def writing(path: Path | str) -> Iterator[TextIO]:
    """A text file that replaces `path` where the block ends without an exception; else `path` stays as it was."""
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f"{final.name}.partial")
    with open(partial, "w", encoding="utf-8", newline="\n") as file:
        yield file
    os.replace(partial, final)


def write_lines(path: Path | str, lines: Iterable[str]) -> None:
    """Write a line for each string."""
    with writing(path) as file:
        file.writelines(f"{line}\n" for line in lines)


def write_table(path: Path | str, table: Mapping[str, str]) -> None:
    """Write `key value` lines in the order of bytes, as `LC_ALL=C sort` has them."""
    write_lines(path, (f"{key} {table[key]}".rstrip() for key in c_sorted(table)))


def c_sorted(keys: Iterable[str]) -> list[str]:
    """Keys in the order of their UTF-8 bytes, which is that of their code points."""
    return sorted(keys)


def line_of(path: Path | str, key: str) -> str:
    """Where a key of a table is, for a message: `data/train/text, line 3`."""
    keys = list(read_2columns_text(path))
    return f"{path}, line {keys.index(key) + 1}"


def require(path: Path | str, what: str) -> Path:
    """The path, if there is such a file.

    Raises:
        DataError: There is none.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: expected {what}, found no such file")
    return Path(path)
