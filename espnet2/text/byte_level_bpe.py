"""Byte-level byte-pair encoding, as in GPT-2 and Whisper (Radford et al. 2019)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

from espnet2.text.abs_tokenizer import split_symbols


def _characters() -> dict[int, str]:
    """Character that represents each byte: itself if it is printable, otherwise one above U+00FF."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


CHARACTER_OF = _characters()
BYTE_OF = {character: byte for byte, character in CHARACTER_OF.items()}
SPACE = CHARACTER_OF[ord(" ")]

# Texts are split before merging: contractions, runs of letters, of numbers and of other characters, each with the space
# before it, and white space. The second pattern is over the kinds of characters; a space is a kind of its own.
_CONTRACTION = re.compile("'(?:s|t|re|ve|m|ll|d)")
_PIECE = re.compile(r" ?L+| ?N+| ?O+|[ W]+(?![LNO])|[ W]+")
_SEPARATORS = "\x1c\x1d\x1e\x1f"  # white space to Python, but not to Unicode


class ByteLevelBPE:
    """Conversion of texts to tokens and back; tokens are strings of the characters that represent bytes.

    Args:
        tokens: The tokens in the order of training's merges, so that lower indices are merged first.
        whole: Symbols that are always one token each.

    Attributes:
        vocab_size: The number of `tokens`.
    """

    def __init__(self, tokens: Sequence[str], whole: Collection[str] = ()) -> None:
        self.vocab_size = len(tokens)
        self.whole = frozenset(whole)
        self._ranks = {token: rank for rank, token in reversed(list(enumerate(tokens)))}
        self._initials = {symbol[0] for symbol in self.whole}

    def encode(self, text: str) -> list[str]:
        """Tokens of a text."""
        return [token for piece in self._split(text) for token in self._encode_piece(piece)]

    @staticmethod
    def decode(tokens: Iterable[str]) -> str:
        """Text of a sequence of tokens; bytes that are not UTF-8 become U+FFFD.

        A token with characters that represent no byte is taken as text.
        """
        return b"".join(map(_bytes, tokens)).decode("utf-8", "replace")

    def _split(self, text: str) -> Iterator[str]:
        """Split a text into whole symbols and the pieces between them."""
        if not self._initials & set(text):
            yield text
            return
        between = ""
        for piece, is_whole in split_symbols(text, self.whole, dropped=False):
            if is_whole:
                yield from (between, piece)
            between = "" if is_whole else between + piece
        yield between

    def _encode_piece(self, piece: str) -> Iterator[str]:
        if piece in self.whole:
            yield piece
            return
        kinds = "".join(map(_kind, piece))
        place = 0
        while place < len(piece):
            match = _CONTRACTION.match(piece, place) or _PIECE.match(kinds, place)
            end = match.end() if match else place + 1
            yield from self._merge([CHARACTER_OF[byte] for byte in piece[place:end].encode("utf-8", "replace")])
            place = end

    def _merge(self, parts: list[str]) -> list[str]:
        """Merge neighbours, lowest rank first, as long as their concatenation is a token."""
        last = len(self._ranks)
        while len(parts) > 1:
            ranks = [self._ranks.get(left + right, last) for left, right in pairwise(parts)]
            best = min(ranks)
            if best == last:
                break
            place = ranks.index(best)
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
        return parts


def _kind(character: str) -> str:
    """Letter, number, white space, a space, or other."""
    if character == " ":
        return " "
    if character.isspace() and character not in _SEPARATORS:
        return "W"
    kind = unicodedata.category(character)[0]
    return kind if kind in "LN" else "O"


def _bytes(token: str) -> bytes:
    try:
        return bytes(BYTE_OF[character] for character in token)
    except KeyError:
        return token.encode("utf-8", "replace")
