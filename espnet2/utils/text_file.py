"""Reading of text files: UTF-8 with or without byte order mark, lines that end in `\\n` or `\\r\\n`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from espnet2.interface.errors import EspnetError
from espnet2.interface.foreign_file import open_foreign
from espnet2.interface.limits import hint, limit

ENCODING = "utf-8-sig"  # UTF-8 with an optional byte order mark
OTHERS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_text(
    path: Path | str,
    expected: str,
    error_type: type[EspnetError],
    shown: str | None = None,
    largest: str = "TABLE_BYTES",
) -> str:
    """Read a text file, with `\n` as line ends; raises `error_type` as `lines_of` does."""
    return "".join(lines_of(path, expected, error_type, shown, largest))


def lines_of(
    path: Path | str,
    expected: str,
    error_type: type[EspnetError],
    shown: str | None = None,
    largest: str = "TABLE_BYTES",
) -> Iterator[str]:
    """Read the lines of a text file, each with the `\n` at its end.

    Args:
        path: The file.
        expected: Expected content, for the message of an error.
        error_type: Class of the error if the file cannot be read, is too large, or is no text in UTF-8.
        shown: The file's name in the message, if it differs from `path`.
        largest: Name of the limit of its bytes.
    """
    shown = str(path) if shown is None else shown
    most, left = limit("LINE_CHARACTERS"), limit(largest)
    start = b""
    with open_foreign(path, expected, error_type, largest, shown) as file:
        try:
            start = file.peek(2)[:2]  # type: ignore[attr-defined]
            with io.TextIOWrapper(file, encoding=ENCODING) as text:
                while line := text.readline(most + 1):
                    left -= len(line)
                    _require_line(line, most, left, f"{shown}: expected {expected}", error_type)
                    yield line
        except UnicodeDecodeError as error:
            found = f"{OTHERS[start]}; save it as UTF-8" if start in OTHERS else error
            raise error_type(f"{shown}: expected {expected}, found {found}") from error


def _require_line(line: str, most: int, left: int, expected: str, error_type: type[EspnetError]) -> None:
    if "\0" in line:
        raise error_type(f"{expected}, found zero bytes; save it as UTF-8")
    if len(line) > most:
        raise error_type(f"{expected}, found a line of more than {most} characters; {hint('LINE_CHARACTERS')}")
    if left < 0:
        raise error_type(f"{expected}, found more than the bytes that are allowed")
