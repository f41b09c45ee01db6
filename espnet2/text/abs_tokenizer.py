"""Base class of tokenizers, and symbols that they do not split."""

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
    """Requested prompt of a model that is trained with prompts, such as Whisper.

    Attributes:
        language: Symbol of the language, which replaces language and task.
        task: Symbols of the task (or text), which replace it.
        token_file: File of symbols that are tokens of their own.
        identify: Let the model predict the language: texts have no prompt.
    """

    language: str | None = None
    task: str | None = None
    token_file: str | PathLike[str] | None = None
    identify: bool = False


class AbsTokenizer(ABC):
    """Base of tokenizers, which split a line of text into tokens and join tokens to text.

    Attributes:
        token_list: Tokens in the order of their indices, if results have the tokenizer's own tokens.
        primer: Indices with which every text begins; None: the model's start symbol.
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
        """Return the range of tokens [start, end) of each word of a text."""

    def converter(self, token_list: Sequence[str]) -> Converter:
        """Make the converter of the tokens of a model's `token_list` to indices."""
        return lenient_converter(token_list)

    def bundled(self) -> tuple[dict[str, Any], dict[str, Path | bytes]]:
        """Return the tokenizer's entries of a bundle's manifest, and its files: contents or paths by name."""
        return {}, {}

    def prompted(self, prompt: Prompt) -> AbsTokenizer:
        """Return the tokenizer of texts with this prompt; tokenizers without prompts return themselves."""
        return self


def runs_between(separators: Iterable[bool]) -> list[tuple[int, int]]:
    """Ranges [start, end) of consecutive false values."""
    places = groupby(enumerate(separators), key=lambda place: place[1])
    runs = [[index for index, _ in run] for is_separator, run in places if not is_separator]
    return [(run[0], run[-1] + 1) for run in runs]


def split_symbols(line: str, symbols: Iterable[str], dropped: bool) -> list[tuple[str, bool]]:
    """Split a line into characters and symbols: (piece, whether it is one of `symbols`), without symbols if `dropped`.

    An empty symbol is ignored.
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
