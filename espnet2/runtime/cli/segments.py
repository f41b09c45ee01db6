"""Segments of a recording: what is said between two pauses, with its times."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from espnet2.runtime.pauses import FLOOR, LEAST_RISE, LEVELS, PEAK, find_pauses, levels
from espnet2.runtime.timestamps import Timed
from espnet2.text.abs_tokenizer import AbsTokenizer

Span = tuple[float, float]  # start and end in seconds
SOFT = 0.15  # of the way from noise to speech, above which speech begins and ends
SOFTLY = 0.4  # seconds, at most


@dataclass(frozen=True)
class Segment:
    """A text from `start` to `end`, in seconds, and its words, where their times are known."""

    start: float
    end: float
    text: str
    words: Sequence[Timed] = field(default_factory=list)


def speech_spans(samples: np.ndarray, rate: int, pause: float) -> list[Span]:
    """Spans of samples (T,) in which the level is that of speech, divided by pauses of at least `pause` seconds.

    Where nothing tells speech from pauses, all of it is one span.
    """
    hop = max(1, round(rate / LEVELS))
    level = levels(samples, hop)
    quiet = find_pauses(level, 0, len(level))
    if not quiet:
        return [(0.0, len(samples) / rate)]
    edges = [0, *itertools.chain.from_iterable(quiet), len(level)]
    spans: list[tuple[int, int]] = []
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        if a < b:
            joins = spans and (a - spans[-1][1]) * hop < pause * rate
            spans.append((spans.pop()[0] if joins else a, b))
    return [(a * hop / rate, min(b * hop, len(samples)) / rate) for a, b in _with_soft_ends(level, spans)]


def _with_soft_ends(level: np.ndarray, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans [a, b) of levels (L,), each with what is above the noise close before and behind it."""
    floor, peak = np.percentile(level, (FLOOR, PEAK))
    soft = np.concatenate(([False], level > floor + max(LEAST_RISE, SOFT * (peak - floor)), [False]))
    places, most = np.arange(len(level) + 2), int(SOFTLY * LEVELS)
    starts = np.maximum.accumulate(np.where(soft, 0, places))  # of the run of soft levels that one belongs to
    ends = np.minimum.accumulate(np.where(soft, len(places), places)[::-1])[::-1] - 1
    found: list[tuple[int, int]] = []
    for a, b in spans:
        before = found[-1][1] if found else 0
        found.append((max(int(starts[a + 1]), a - most, before), min(int(ends[b]), b + most)))
    return found


def split(
    tokens: Sequence[str], times: Sequence[Span], spans: Sequence[Span], tokenizer: AbsTokenizer | None
) -> list[Segment]:
    """The segments of a text: each word belongs to the span of speech that is nearest to its middle.

    Args:
        tokens: Of the text, (U,).
        times: When each token is said, (U,).
        spans: Spans of speech, in order.
        tokenizer: Joins the tokens.
    """
    ranges = [(place, place + 1) for place in range(len(tokens))] if tokenizer is None else tokenizer.words(tokens)
    units = ranges if len(ranges) > 1 else [(place, place + 1) for place in range(*(ranges or [(0, 0)])[0])]
    owners = [_nearest(spans, (times[first][0] + times[last - 1][1]) / 2) for first, last in units]
    found = []
    for owner, group in itertools.groupby(zip(owners, units, strict=True), key=lambda pair: pair[0]):
        members = [unit for _, unit in group]
        first, last = members[0][0], members[-1][1]
        words = [
            Timed(text_of(tokens[a:b], tokenizer), times[a][0], times[b - 1][1])
            for a, b in ranges
            if first <= a and b <= last
        ]
        text = text_of(tokens[first:last], tokenizer)
        if text:
            found.append(Segment(spans[owner][0], spans[owner][1], text, [word for word in words if word.text]))
    return found


def text_of(tokens: Sequence[str], tokenizer: AbsTokenizer | None) -> str:
    """The text of some tokens; without a tokenizer, the tokens themselves."""
    return " ".join(tokens) if tokenizer is None else tokenizer.tokens2text(tokens).strip()


def _nearest(spans: Sequence[Span], time: float) -> int:
    """The number of the span that has a time, or is nearest to it."""
    distances = [max(start - time, time - end, 0.0) for start, end in spans]
    return int(np.argmin(distances))
