"""What every tokenizer does, and the symbols that it does not split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from espnet2.runtime.errors import DataError
from espnet2.utils.text_file import lines_of


class AbsTokenizer(ABC):
    """Splits a line of text into tokens and joins tokens to text."""

    @abstractmethod
    def text2tokens(self, line: str) -> list[str]:
        """Tokens of a line of text."""

    @abstractmethod
    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Text of a sequence of tokens."""

    @abstractmethod
    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """The tokens [start, end) of each word of a text."""


def read_symbols(symbols: Path | str | Iterable[str] | None) -> set[str]:
    """Symbols given as a collection, or as a file with one on each line; none where the file does not exist.

    Empty lines are skipped: an empty symbol would match everywhere.
    """
    if symbols is None:
        return set()
    if isinstance(symbols, str | Path):
        path = Path(symbols)
        symbols = lines_of(path, "a symbol on each line", DataError) if path.exists() else ()
    return {symbol.rstrip() for symbol in symbols} - {""}


def runs_between(separators: Iterable[bool]) -> list[tuple[int, int]]:
    """Places [start, end) of the runs of false values."""
    places = groupby(enumerate(separators), key=lambda place: place[1])
    runs = [[index for index, _ in run] for is_separator, run in places if not is_separator]
    return [(run[0], run[-1] + 1) for run in runs]


def split_symbols(line: str, symbols: Iterable[str], dropped: bool) -> list[tuple[str, bool]]:
    """A line as characters and symbols: (piece, whether it is one of `symbols`), without symbols if `dropped`."""
    pieces: list[tuple[str, bool]] = []
    known = sorted(symbols, key=len, reverse=True)
    while line:
        symbol = next((symbol for symbol in known if line.startswith(symbol)), None)
        piece = line[0] if symbol is None else symbol
        if symbol is None or not dropped:
            pieces.append((piece, symbol is not None))
        line = line[len(piece) :]
    return pieces
