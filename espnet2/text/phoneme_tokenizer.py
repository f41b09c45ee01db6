"""Phonemes as tokens, of text that is written in phonemes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet2.runtime.errors import OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer, runs_between, split_symbols
from espnet2.text.symbols import read_symbols


class PhonemeTokenizer(AbsTokenizer):
    """Splits phonemes at spaces.

    Args:
        g2p_type: How to make phonemes from letters: None, the text has phonemes with spaces between them.
        non_linguistic_symbols: Symbols (or a file of them), such as `<noise>`.
        space_symbol: The token of a space between words.
        remove_non_linguistic_symbols: Leave those symbols out of the text.

    Raises:
        OptionError: Another `g2p_type`.
    """

    def __init__(
        self,
        g2p_type: str | None,
        non_linguistic_symbols: Path | str | Iterable[str] | None = None,
        space_symbol: str = "<space>",
        remove_non_linguistic_symbols: bool = False,
    ) -> None:
        if g2p_type is not None:
            raise OptionError(f"g2p_type: expected None (text written in phonemes), found {g2p_type!r}")
        self.space_symbol = space_symbol
        self.removed = set(read_symbols(non_linguistic_symbols) if remove_non_linguistic_symbols else ())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(space_symbol={self.space_symbol!r})"

    def text2tokens(self, line: str) -> list[str]:
        """Phonemes of a line."""
        return "".join(piece for piece, _ in split_symbols(line, self.removed, dropped=True)).split(" ")

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """The phonemes joined; they are not turned into letters."""
        return "".join(tokens)

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """What is between tokens of a space."""
        return runs_between(token == self.space_symbol for token in tokens)
