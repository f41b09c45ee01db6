"""Long texts in pieces: cut at ends of sentences, where there is none at commas, at spaces, or between characters."""

from __future__ import annotations

import re

# Initials and abbreviations that do not end a sentence.
SHORT = r"(?<!\b[A-Za-z]\.)(?<!\b(?:Mr|Ms|Dr|St|Jr|Sr|No|vs)\.)(?<!\bMrs\.)(?<!\bProf\.)"
# Places behind which a text may be cut, the best first: what ends a sentence, a clause, a word.
ENDS = (
    re.compile(rf"(?<=[.!?…]){SHORT}[\"'”’»)\]]*\s+|(?<=[。！？])[」』”’）]*\s*|\n+"),
    re.compile(r"(?<=[,;:–—])\s+|(?<=[，、；：])\s*"),
    re.compile(r"\s+"),
)
PUNCTUATION = frozenset(".,;:!?…-–—'\"“”‘’„«»()[]{}/\\¡¿。、，．！？；：「」『』（）・")


def cut_text(text: str, longest: int) -> list[str]:
    """Pieces of a text, in order, as long as they may be: at most `longest` characters each."""
    text = text.strip()
    pieces = []
    while len(text) > longest:
        place = _place(text, longest)
        pieces.append(text[:place].strip())
        text = text[place:].strip()
    return [piece for piece in (*pieces, text) if piece]


def _place(text: str, longest: int) -> int:
    """The last place among the first `longest` characters that is the best to cut."""
    for pattern in ENDS:
        places = [match.end() for match in pattern.finditer(text, 0, longest + 1) if 0 < match.start() <= longest]
        # A first sentence of a few characters, such as a number of a list, is no piece.
        if places and places[-1] > longest // 8:
            return places[-1]
    return longest


def is_punctuation(text: str) -> bool:
    """Whether a text has characters, and all are punctuation or spaces."""
    return bool(text) and set("".join(text.split())) <= PUNCTUATION
