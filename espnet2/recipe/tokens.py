"""Tokenizing of texts, and token lists by frequency, with the options of upstream's `tokenize_text`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from espnet2.interface.errors import OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.cleaner import TextCleaner

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fields:
    """Columns of a line, from 1, both ends included: `2-`, `-5`, `2-5`, `2`."""

    first: int = 1
    last: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> Fields:
        """Parse the value of `--field`; raises `OptionError` for anything else."""
        if text is None:
            return cls()
        first, dash, last = text.partition("-")
        try:
            found = cls(int(first or 1), int(last) if last else None if dash else int(first))
        except ValueError:
            found = cls(0)
        if found.first < 1 or (found.last is not None and found.last < found.first):
            raise OptionError(f"--field: expected columns as 2-, 2-5, -5 or 2, found {text!r}")
        return found

    def of(self, line: str, delimiter: str | None) -> str:
        """Return these columns of a line, joined by the delimiter (or a space)."""
        columns = line.split(delimiter)[self.first - 1 : self.last]
        return (" " if delimiter is None else delimiter).join(columns)


@dataclass(frozen=True)
class Symbol:
    """Additional token of a list, and its position, which may be counted from the end."""

    token: str
    place: int

    @classmethod
    def parse(cls, text: str) -> Symbol:
        """Parse `<blank>:0`; raises `OptionError` for anything else."""
        token, _, place = text.rpartition(":")
        try:
            return cls(token, int(place))
        except ValueError as error:
            raise OptionError(f"--add_symbol: expected SYMBOL:PLACE as '<blank>:0', found {text!r}") from error

    def insert_into(self, tokens: list[str]) -> None:
        """Insert the token at its position."""
        tokens.insert(self.place if self.place >= 0 else len(tokens) + 1 + self.place, self.token)


def tokenize_lines(
    lines: Iterable[str],
    tokenizer: AbsTokenizer,
    cleaner: TextCleaner | None = None,
    fields: Fields | None = None,
    delimiter: str | None = None,
) -> Iterator[list[str]]:
    """Tokenize the columns `fields` of each line, after cleaning."""
    for line in lines:
        text = line.rstrip()
        if fields is not None:
            text = fields.of(text, delimiter)
        yield tokenizer.text2tokens(text if cleaner is None else cleaner(text))


def vocabulary(
    counts: Counter[str], symbols: Sequence[Symbol] = (), vocabulary_size: int = 0, cutoff: int = 0
) -> list[str]:
    """Sort tokens from the most to the least frequent, and insert `symbols` at their positions.

    Args:
        counts: Frequency of each token; equally frequent tokens keep the order of their first occurrence.
        symbols: Additional tokens and their positions.
        vocabulary_size: Largest number of tokens, 0 for any number.
        cutoff: Tokens of this frequency or less are dropped.

    Raises:
        OptionError: `vocabulary_size` leaves no room for `symbols`.
    """
    if vocabulary_size and vocabulary_size < len(symbols):
        raise OptionError(f"--vocabulary_size: expected at least the {len(symbols)} symbols, found {vocabulary_size}")
    added = {symbol.token for symbol in symbols}
    tokens = [token for token, count in counts.most_common() if count > cutoff and token not in added]
    if vocabulary_size:
        tokens = tokens[: vocabulary_size - len(symbols)]
    for symbol in symbols:
        symbol.insert_into(tokens)
    covered, total = sum(counts[token] for token in tokens), max(counts.total(), 1)
    _log.info("%d tokens, %.2f %% of the text out of vocabulary", len(tokens), 100 * (total - covered) / total)
    return tokens
