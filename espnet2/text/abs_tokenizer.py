"""What every tokenizer does, and the symbols that it does not split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import Any

from espnet2.text.token_id_converter import Converter, lenient_converter


@dataclass(frozen=True)
class Prompt:
    """Prompt that texts are asked to begin with, of a model that is trained with prompts, as Whisper is.

    Attributes:
        language: The symbol of the language, which stands in place of language and task.
        task: Symbols of the task (or text), which stand in its place.
        token_file: File of symbols that are tokens of their own.
        identify: Let the model say the language: texts begin with nothing.
    """

    language: str | None = None
    task: str | None = None
    token_file: str | PathLike[str] | None = None
    identify: bool = False


class AbsTokenizer(ABC):
    """Splits a line of text into tokens and joins tokens to text.

    Attributes:
        token_list: Tokens in the order of their indices, where the tokenizer's own are those of results.
        primer: Indices that every text begins with; None: the model's start symbol.
    """

    token_list: Sequence[str] | None = None
    primer: Sequence[int] | None = None

    @abstractmethod
    def text2tokens(self, line: str) -> list[str]:
        """Tokens of a line of text."""

    @abstractmethod
    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Text of a sequence of tokens."""

    @abstractmethod
    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """The tokens [start, end) of each word of a text."""

    def converter(self, token_list: Sequence[str]) -> Converter:
        """Indices of the tokens of a model's `token_list`."""
        return lenient_converter(token_list)

    def bundled(self) -> tuple[dict[str, Any], dict[str, Path | bytes]]:
        """Entries of a bundle's manifest beside the tokenizer's kind, and its files: contents or paths by name."""
        return {}, {}

    def prompted(self, prompt: Prompt) -> AbsTokenizer:
        """The tokenizer for texts that begin as asked; this one, where it knows no prompts."""
        return self


def runs_between(separators: Iterable[bool]) -> list[tuple[int, int]]:
    """Places [start, end) of the runs of false values."""
    places = groupby(enumerate(separators), key=lambda place: place[1])
    runs = [[index for index, _ in run] for is_separator, run in places if not is_separator]
    return [(run[0], run[-1] + 1) for run in runs]


def split_symbols(line: str, symbols: Iterable[str], dropped: bool) -> list[tuple[str, bool]]:
    """A line as characters and symbols: (piece, whether it is one of `symbols`), without symbols if `dropped`.

    An empty symbol is none.
    """
    pieces: list[tuple[str, bool]] = []
    known = sorted(filter(None, symbols), key=len, reverse=True)
    while line:
        symbol = next((symbol for symbol in known if line.startswith(symbol)), None)
        piece = line[0] if symbol is None else symbol
        if symbol is None or not dropped:
            pieces.append((piece, symbol is not None))
        line = line[len(piece) :]
    return pieces
