"""Texts of phones, as the verb `phonemize` of `espnet` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer

SLASHES = re.compile(r"/([^/\s]+)/")


class Phones(AbsTokenizer):
    """Tokenizer whose texts are phones, each of which is a word; POWSM writes each between two slashes.

    Texts that are no phones stay as they are.

    Args:
        tokenizer: The model's.
        spaced: Divide phones by spaces.
    """

    def __init__(self, tokenizer: AbsTokenizer, spaced: bool = False) -> None:
        self._tokenizer, self._space = tokenizer, " " if spaced else ""

    def text2tokens(self, line: str) -> list[str]:
        """As the model's tokenizer."""
        return self._tokenizer.text2tokens(line)

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Phones without slashes."""
        pieces = list(tokens)
        if isinstance(self._tokenizer, PhonemeTokenizer):
            return self._space.join(pieces)
        text = self._tokenizer.tokens2text(pieces)
        return text if SLASHES.sub("", text).strip() else self._space.join(SLASHES.findall(text))

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """See the base class."""
        places = [(place, place + 1) for place in range(len(tokens))]
        if isinstance(self._tokenizer, PhonemeTokenizer):
            return places
        each = [self._tokenizer.tokens2text([token]).strip() for token in tokens]
        return places if all(map(SLASHES.fullmatch, each)) else self._tokenizer.words(tokens)
