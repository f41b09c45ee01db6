"""Error rates of a decode, with a table of counts in sclite's form and the aligned texts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from espnet2.fileio.read_text import read_2columns_text, require_keys
from espnet2.interface.errors import DataError, MissingPackageError
from espnet2.recipe.files import line_of, write_lines
from espnet2.utils.atomic import write_atomically
from espnet2.utils.json_file import read_json_mapping

RESULT, COUNTS = "result.txt", "counts.json"
COLUMNS = ("Snt", "Wrd", "Corr", "Sub", "Del", "Ins", "Err", "S.Err")

_log = logging.getLogger(__name__)

Split = Callable[[str], list[str]]


@dataclass(frozen=True)
class Counts:
    """Counts of a set: sentences, reference tokens, and correct, substituted, deleted and inserted ones."""

    sentences: int = 0
    tokens: int = 0
    correct: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    wrong_sentences: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substituted + self.deleted + self.inserted

    @property
    def error_rate(self) -> float:
        """Errors in percent of the reference tokens."""
        return _percent(self.errors, self.tokens)

    def row(self) -> tuple[str, ...]:
        """The values of `COLUMNS`: numbers of sentences and tokens, the others in percent."""
        of_tokens = (self.correct, self.substituted, self.deleted, self.inserted, self.errors)
        rates = [*(_percent(count, self.tokens) for count in of_tokens)]
        rates.append(_percent(self.wrong_sentences, self.sentences))
        return str(self.sentences), str(self.tokens), *(f"{rate:.2f}" for rate in rates)


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0 if not part else 100.0


@dataclass(frozen=True)
class Aligned:
    """Aligned reference and hypothesis of an utterance, token by token; None for a gap."""

    utterance: str
    pairs: tuple[tuple[str | None, str | None], ...]

    def counts(self) -> Counts:
        """Counts of the alignment."""
        kinds = [_kind(pair) for pair in self.pairs]
        correct, substituted, deleted, inserted = (kinds.count(kind) for kind in "CSDI")
        wrong = int(correct < len(kinds))
        return Counts(1, len(kinds) - inserted, correct, substituted, deleted, inserted, wrong)

    def lines(self) -> list[str]:
        """The two texts in columns, errors in capitals or as stars, with S, D or I below."""
        cells = [(*_shown(pair), _kind(pair).replace("C", "")) for pair in self.pairs]
        widths = [max(map(len, cell)) for cell in cells]
        rows = [
            " ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in zip(*cells, strict=True)
        ] or ["", "", ""]
        c = self.counts()
        scores = f"Scores: (#C #S #D #I) {c.correct} {c.substituted} {c.deleted} {c.inserted}"
        named = [f"{name:6}{row}".rstrip() for name, row in zip(("REF:", "HYP:", "Eval:"), rows, strict=True)]
        return [f"id: ({self.utterance})", scores, *named, ""]


def _kind(pair: tuple[str | None, str | None]) -> str:
    reference, hypothesis = pair
    if reference is None:
        return "I"
    if hypothesis is None:
        return "D"
    return "C" if reference == hypothesis else "S"


def _shown(pair: tuple[str | None, str | None]) -> tuple[str, str]:
    reference, hypothesis = pair
    if reference == hypothesis:
        return str(reference), str(hypothesis)
    stars = "*" * max(len(reference or ""), len(hypothesis or ""))
    return (reference or stars).upper(), (hypothesis or stars).upper()


def score(
    reference: Path | str,
    hypothesis: Path | str,
    directory: Path | str,
    split: Split,
    utt2spk: Path | str | None = None,
) -> Counts:
    """Score a Kaldi-style hypothesis against a reference; write `result.txt` (readable) and `counts.json` to a
    directory.

    Utterances that the hypothesis lacks count as deleted. `split` tokenizes a text. With `utt2spk`, there is a row for
    each speaker.

    Raises:
        DataError: A file cannot be read, is empty, `hypothesis` has an utterance without reference, or `utt2spk` lacks
            one.
    """
    references, hypotheses = read_2columns_text(reference), read_2columns_text(hypothesis)
    if not references:
        raise DataError(f"{reference}: expected at least one text, found none")
    for utterance in hypotheses:
        if utterance not in references:
            raise DataError(
                f"{line_of(hypothesis, utterance)}: expected utterances of {reference}, found {utterance!r}"
            )
    missing = [utterance for utterance in references if utterance not in hypotheses]
    if missing:
        _log.warning("%s: %d utterances are missing and count as deleted: %s", hypothesis, len(missing), missing[0])
    speakers: dict[str, str] = {}
    if utt2spk is not None:
        speakers = read_2columns_text(utt2spk)
        require_keys(utt2spk, speakers, reference, references)
    aligned = align(
        list(references),
        [split(text) for text in references.values()],
        [split(hypotheses.get(utterance, "")) for utterance in references],
    )
    total = sum((one.counts() for one in aligned), Counts())
    write_lines(Path(directory) / RESULT, report(aligned, speakers))
    with write_atomically(Path(directory) / COUNTS, "w") as file:
        json.dump(asdict(total), file)
    return total


def align(utterances: Sequence[str], references: list[list[str]], hypotheses: list[list[str]]) -> list[Aligned]:
    """Align sequences of tokens by minimum edit distance.

    Raises:
        MissingPackageError: jiwer is not installed.
    """
    try:
        import jiwer
    except ImportError as error:
        raise MissingPackageError("score: expected the package jiwer, found none; pip install jiwer") from error
    tokens = jiwer.Compose([jiwer.ReduceToListOfListOfWords(word_delimiter="\n")])
    expected, found = (["\n".join(words) for words in side] for side in (references, hypotheses))
    output = jiwer.process_words(expected, found, tokens, tokens)
    chunks: Sequence[Sequence[Any]] = output.alignments
    return [
        Aligned(utterance, tuple(pair for chunk in row for pair in _pairs(chunk, reference, hypothesis)))
        for utterance, row, reference, hypothesis in zip(utterances, chunks, references, hypotheses, strict=True)
    ]


def _pairs(chunk: Any, reference: list[str], hypothesis: list[str]) -> list[tuple[str | None, str | None]]:
    expected = reference[chunk.ref_start_idx : chunk.ref_end_idx]
    found = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
    if chunk.type == "insert":
        return [(None, token) for token in found]
    if chunk.type == "delete":
        return [(token, None) for token in expected]
    return list(zip(expected, found, strict=True))


def report(aligned: Sequence[Aligned], speakers: Mapping[str, str]) -> list[str]:
    """Lines of `result.txt`: a row of rates in percent for each speaker and for all, then every utterance."""
    by_speaker: dict[str, Counts] = {}
    for one in aligned:
        speaker = speakers.get(one.utterance, "")
        by_speaker[speaker] = by_speaker.get(speaker, Counts()) + one.counts()
    total = sum(by_speaker.values(), Counts())
    rows = [] if set(by_speaker) == {""} else [(name, *by_speaker[name].row()) for name in sorted(by_speaker)]
    lines = markdown_table(("SPKR", *COLUMNS), [*rows, ("Sum/Avg", *total.row())])
    return [*lines, "", *(line for one in aligned for line in one.lines())]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table with columns of equal width, the first aligned to the left."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [
            f"{row[0]:<{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        return f"| {' | '.join(cells)} |"

    rule = f"|{'-' * (widths[0] + 2)}|" + "".join(f"{'-' * (width + 1)}:|" for width in widths[1:])
    return [line(head), rule, *map(line, rows)]


def read_counts(path: Path | str) -> Counts:
    """Read the counts that `score` wrote; raises `DataError` if that fails."""
    try:
        return Counts(**read_json_mapping(path, "counts", DataError))
    except (DataError, TypeError) as error:
        raise DataError(f"{path}: expected counts that scoring writes (stage 13), found none") from error
