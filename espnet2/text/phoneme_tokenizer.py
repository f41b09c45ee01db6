"""Phonemes as tokens, from text in letters or in phonemes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet2.text.abs_tokenizer import AbsTokenizer, runs_between, split_symbols
from espnet2.text.g2p import CHOICES, load_g2p
from espnet2.text.symbols import read_symbols

g2p_choices = [*CHOICES]  # upstream's name


class PhonemeTokenizer(AbsTokenizer):
    """Tokenizer of phonemes, from letters or from phonemes separated by spaces.

    Args:
        g2p_type: Conversion from letters, a name of `espnet2.text.g2p.CHOICES`; None: the text is phonemes.
        non_linguistic_symbols: Symbols (or a file of them), such as `<noise>`.
        space_symbol: The token of a space between words.
        remove_non_linguistic_symbols: Leave those symbols out of the text.

    Raises:
        OptionError: An unknown `g2p_type`.
        MissingPackageError: The package that `g2p_type` needs is not installed.
    """

    def __init__(
        self,
        g2p_type: str | None,
        non_linguistic_symbols: Path | str | Iterable[str] | None = None,
        space_symbol: str = "<space>",
        remove_non_linguistic_symbols: bool = False,
    ) -> None:
        self.g2p_type = g2p_type
        self.g2p = load_g2p(g2p_type)
        self.space_symbol = space_symbol
        self.removed = set(read_symbols(non_linguistic_symbols) if remove_non_linguistic_symbols else ())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(g2p_type={self.g2p_type!r}, space_symbol={self.space_symbol!r})"

    def text2tokens(self, line: str) -> list[str]:
        """Phonemes of a line."""
        return self.g2p("".join(piece for piece, _ in split_symbols(line, self.removed, dropped=True)))

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Join phonemes; they are not converted to letters."""
        return "".join(tokens)

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """See the base class: words are separated by the token of a space."""
        return runs_between(token == self.space_symbol for token in tokens)
