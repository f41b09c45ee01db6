"""Atomic writing of tables and other lists of lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.utils.atomic import write_atomically


def write_lines(path: Path | str, lines: Iterable[str]) -> None:
    """Write a line for each string."""
    with write_atomically(path, "w") as file:
        file.writelines(f"{line}\n" for line in lines)


def write_table(path: Path | str, table: Mapping[str, str]) -> None:
    """Write `key value` lines in the order of bytes, as `LC_ALL=C sort` has them."""
    write_lines(path, (f"{key} {table[key]}".rstrip() for key in c_sorted(table)))


def c_sorted(keys: Iterable[str]) -> list[str]:
    """Keys in the order of their UTF-8 bytes, which is that of their code points."""
    return sorted(keys)


def line_of(path: Path | str, key: str) -> str:
    """Location of a key of a table, for messages: `data/train/text, line 3`."""
    keys = list(read_2columns_text(path))
    return f"{path}, line {keys.index(key) + 1}"


def require_other(source: Path | str, target: Path | str) -> None:
    """Raise `OptionError` if the output directory is the input directory."""
    if Path(target).resolve() == Path(source).resolve():
        raise OptionError(f"{source}: expected another directory to write to, found the same")


def require(path: Path | str, what: str) -> Path:
    """Return the path if the file exists.

    Raises:
        DataError: There is no such file.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: expected {what}, found no such file")
    return Path(path)
