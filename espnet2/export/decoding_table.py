"""Tokens as a client without a tokenizer joins them: `"".join(pieces).replace("▁", " ").strip()` is the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from espnet2.interface.errors import one_line
from espnet2.runtime.one_graph import SPACE

UNKNOWN = f"{SPACE}\N{DOUBLE QUESTION MARK}{SPACE}"  # SentencePiece's text for its unknown piece


def _subword(token: str) -> str:
    return UNKNOWN if token == "<unk>" else token


def _character(token: str) -> str:
    return SPACE if token == "<space>" else token


# By token type; the texts of other types are no join of their tokens.
RULES: Mapping[str, Callable[[str], str]] = {
    "bpe": _subword,
    "char": _character,
    "word": lambda token: SPACE + token,
    "phn": lambda token: token,
}


def pieces_of(tokens: Sequence[str], token_type: str | None) -> list[str] | None:
    """The piece of each token; None for a type whose texts are no join of them."""
    rule = RULES.get(str(token_type))
    return None if rule is None else [rule(token) for token in tokens]


def table_lines(pieces: Sequence[str], first: int = 0) -> bytes:
    """Contents of `tokens.txt`: a piece, with blanks for line breaks in it, and its index, from `first` on, a line."""
    lines = (f"{one_line(piece)} {index}\n" for index, piece in enumerate(pieces, first))
    return "".join(lines).encode("utf-8", "replace")
