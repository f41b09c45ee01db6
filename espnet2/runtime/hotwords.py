"""Hotwords of a recogniser: lists of words with boosts, and the scorer of their tokens.

A list is one of Python's, a mapping of words to boosts, or a file with lines `word [boost]`; a word may be a phrase.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from espnet.nets.scorers.hotwords import Hotwords
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.option_fields import is_finite, require
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.utils.text_file import lines_of

USUAL_BOOST = 1.0  # of a word without one; `hotword_weight` multiplies all
UNKNOWN = "<unk>"
EXPECTED = "words, a mapping of words to boosts, or a file of lines `word [boost]`"


def require_hotwords(given: Any) -> None:
    """Raise `OptionError` for a value of the option `hotwords` that is no list of words, nor the name of its file."""
    if given is None or isinstance(given, str | PathLike):
        return
    require(isinstance(given, Mapping | Sequence), "hotwords", EXPECTED, given)
    for word in given:
        require(isinstance(word, str) and bool(word.strip()), "hotwords", EXPECTED, word)
    for word, boost in given.items() if isinstance(given, Mapping) else ():
        require(is_finite(boost), f"hotwords: {word!r}", "a finite boost", boost)


def read_hotwords(given: Any) -> dict[str, float]:
    """The words of the option `hotwords`, and the boost of each.

    Raises:
        OptionError: A file that cannot be read or has no words, or a boost that is no finite number.
    """
    if isinstance(given, str | PathLike):
        words = dict(_of_file(str(given)))
        if not words:
            raise OptionError(f"hotwords: {given}: expected at least one line `word [boost]`, found none")
        return words
    if isinstance(given, Mapping):
        return {word: float(boost) for word, boost in given.items()}
    return dict.fromkeys(given or (), USUAL_BOOST)


def _of_file(path: str) -> Iterator[tuple[str, float]]:
    for number, line in enumerate(lines_of(path, "a file of hotwords in UTF-8", OptionError), 1):
        *words, last = line.split() or [""]
        boost = _number(last) if words else None
        if boost is not None and not is_finite(boost):
            raise OptionError(f"hotwords: {path}: line {number}: expected a finite boost, found {last}")
        word = line.strip() if boost is None else line.strip()[: -len(last)].rstrip()
        if word:
            yield word, USUAL_BOOST if boost is None else boost


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def make_hotwords(given: Any, tokenizer: AbsTokenizer | None, token_list: Sequence[str]) -> Hotwords | None:
    """The scorer of the words of the option `hotwords`; None: there are none.

    Raises:
        OptionError: As `read_hotwords`; a word that the model's tokens cannot write; a model without tokenizer.
    """
    words = read_hotwords(given)
    if not words:
        return None
    if tokenizer is None:
        raise OptionError("hotwords: expected none, since the model's tokenizer is not known; found some")
    spell = Speller(tokenizer, token_list)
    return Hotwords(((tokens, boost) for word, boost in words.items() for tokens in spell(word)), len(token_list))


class Speller:
    """Writes words with the tokens of a model."""

    def __init__(self, tokenizer: AbsTokenizer, token_list: Sequence[str]) -> None:
        self._tokenizer, self._token_list = tokenizer, token_list
        self._converter = tokenizer.converter(token_list)

    def __call__(self, word: str) -> list[list[int]]:
        """The tokens of a word, and those of a word behind another one where that changes its first token.

        Raises `OptionError` for a word that the model's tokens cannot write.
        """
        plain, behind = self._indices(word, word), self._indices(f" {word}", word)
        # A vocabulary of characters has the space, which is no part of the word, as a token of its own.
        return [plain] if behind[-len(plain) :] == plain else [plain, behind]

    def _indices(self, text: str, word: str) -> list[int]:
        pieces = self._tokenizer.text2tokens(text)
        try:
            found = self._converter.tokens2ids(pieces)
        except DataError as error:  # of a model without a token for others
            raise OptionError(f"hotwords: {word!r}: {error}") from error
        unknown = [p for p, i in zip(pieces, found, strict=True) if self._token_list[i] == UNKNOWN != p]
        if unknown or not found:
            shown = repr(unknown[0]) if unknown else "none"
            raise OptionError(f"hotwords: {word!r}: expected a word of the model's tokens, found {shown}")
        return found
