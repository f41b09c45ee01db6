"""Reading of text files: UTF-8 with or without byte order mark, lines that end in `\\n` or `\\r\\n`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from espnet2.interface.errors import EspnetError

ENCODING = "utf-8-sig"  # UTF-8 with an optional byte order mark
OTHERS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_text(path: Path | str, expected: str, error_type: type[EspnetError], shown: str | None = None) -> str:
    """Read a text file, with `\\n` as line ends; raises `error_type` as `lines_of` does."""
    return "".join(lines_of(path, expected, error_type, shown))


def lines_of(path: Path | str, expected: str, error_type: type[EspnetError], shown: str | None = None) -> Iterator[str]:
    """Read the lines of a text file, each with the `\\n` at its end.

    Args:
        path: The file.
        expected: Expected content, for the message of an error.
        error_type: Class of the error if the file cannot be read, or is no text in UTF-8.
        shown: The file's name in the message, if it differs from `path`.
    """
    shown = str(path) if shown is None else shown
    try:
        with open(path, encoding=ENCODING) as file:
            for line in file:
                if "\0" in line:
                    raise error_type(f"{shown}: expected {expected}, found zero bytes; save it as UTF-8")
                yield line
    except OSError as error:
        raise error_type(f"{shown}: expected {expected}, found {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise error_type(f"{shown}: expected {expected}, found {_encoding_of(path) or error}") from error


def _encoding_of(path: Path | str) -> str | None:
    with open(path, "rb") as file:
        start = file.read(2)
    return f"{OTHERS[start]}; save it as UTF-8" if start in OTHERS else None
