"""Characters as tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet2.text.abs_tokenizer import AbsTokenizer, runs_between, split_symbols
from espnet2.text.symbols import read_symbols


class CharTokenizer(AbsTokenizer):
    """Tokenizer of characters; a space is `space_symbol`.

    Args:
        non_linguistic_symbols: Symbols (or a file of them) that are one token each, such as `<noise>`.
        space_symbol: The token of a space.
        remove_non_linguistic_symbols: Leave those symbols out of the tokens.
        nonsplit_symbols: Further symbols that are one token each; of `symbol:reading`, the part before the colon.
    """

    def __init__(
        self,
        non_linguistic_symbols: Path | str | Iterable[str] | None = None,
        space_symbol: str = "<space>",
        remove_non_linguistic_symbols: bool = False,
        nonsplit_symbols: Iterable[str] | None = None,
    ) -> None:
        self.space_symbol = space_symbol
        self.non_linguistic_symbols = set(read_symbols(non_linguistic_symbols))
        self.remove_non_linguistic_symbols = remove_non_linguistic_symbols
        self.nonsplit_symbols = {symbol.partition(":")[0] for symbol in nonsplit_symbols or ()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(space_symbol={self.space_symbol!r})"

    def text2tokens(self, line: str) -> list[str]:
        """Characters and whole symbols of a line."""
        removed = self.non_linguistic_symbols if self.remove_non_linguistic_symbols else set()
        whole = self.non_linguistic_symbols | self.nonsplit_symbols
        pieces = (piece for piece, is_symbol in split_symbols(line, whole, dropped=False) if piece not in removed)
        return [self.space_symbol if piece == " " else piece for piece in pieces]

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """The tokens joined, with spaces for `space_symbol`."""
        return "".join(" " if token == self.space_symbol else token for token in tokens)

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """See the base class: words are separated by the token of a space."""
        return runs_between(token == self.space_symbol for token in tokens)
