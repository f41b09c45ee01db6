"""Texts of commands: files, or standard input and output for `-`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from espnet2.interface.errors import DataError, reason_of
from espnet2.interface.limits import hint, limit
from espnet2.utils.atomic import write_atomically
from espnet2.utils.text_file import lines_of


@contextmanager
def open_input(path: str) -> Iterator[Iterable[str]]:
    """Open the lines of a text file, or standard input for `-`; raises `DataError` if it cannot be read."""
    try:
        yield _standard_lines() if path == "-" else lines_of(path, "a text file in UTF-8", DataError)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected text in UTF-8, found {reason_of(error)}") from error


def _standard_lines() -> Iterator[str]:
    """Lines of standard input; raises `DataError` for one that has no end."""
    most = limit("LINE_CHARACTERS")
    while line := sys.stdin.readline(most + 1):
        if len(line) > most:
            raise DataError(
                f"standard input: expected lines of at most {most} characters, found a longer one; "
                f"{hint('LINE_CHARACTERS')}"
            )
        yield line


@contextmanager
def open_output(path: str) -> Iterator[IO[str]]:
    """Open a text file that is written atomically, or standard output for `-`."""
    if path == "-":
        yield sys.stdout
        return
    with write_atomically(path, "w") as file:
        yield file
