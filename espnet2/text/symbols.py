"""Symbols that are one token each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from espnet2.interface.errors import DataError
from espnet2.utils.text_file import lines_of


def read_symbols(symbols: PathLike[str] | str | Iterable[str] | None, required: bool = False) -> list[str]:
    """Read symbols from a collection, or a file with one on each line; a missing file means none.

    Empty lines are skipped: an empty symbol would match everywhere. Raises `DataError` for a file that cannot be read,
    and for a missing one if it is `required`.
    """
    if symbols is None:
        return []
    if isinstance(symbols, str | PathLike):
        path = Path(symbols)
        symbols = lines_of(path, "a symbol on each line", DataError) if required or os.path.exists(path) else ()
    return [symbol for symbol in dict.fromkeys(symbol.rstrip() for symbol in symbols) if symbol]
