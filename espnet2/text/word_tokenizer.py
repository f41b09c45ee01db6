"""Words as tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.symbols import read_symbols


class WordTokenizer(AbsTokenizer):
    """Tokenizer of words, split at `delimiter` (default: any white space).

    Args:
        delimiter: String between words.
        non_linguistic_symbols: Symbols (or a file of them), such as `<noise>`.
        remove_non_linguistic_symbols: Leave out words that are such a symbol.
    """

    def __init__(
        self,
        delimiter: str | None = None,
        non_linguistic_symbols: Path | str | Iterable[str] | None = None,
        remove_non_linguistic_symbols: bool = False,
    ) -> None:
        self.delimiter = delimiter
        self.removed = set(read_symbols(non_linguistic_symbols) if remove_non_linguistic_symbols else ())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(delimiter={self.delimiter!r})"

    def text2tokens(self, line: str) -> list[str]:
        """Words of a line."""
        return [word for word in line.split(self.delimiter) if word not in self.removed]

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Join words by the delimiter (or a space)."""
        return (" " if self.delimiter is None else self.delimiter).join(tokens)

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """Each token."""
        return [(place, place + 1) for place in range(len(tokens))]
