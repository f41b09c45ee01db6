"""Recordings that are decoded window by window: where windows begin, and the utterances that a model finds in them.

A. Radford et al., "Robust speech recognition via large-scale weak supervision", 2022: the next window begins where the
last complete utterance of the one before ends.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from espnet2.interface.errors import AudioError
from espnet2.interface.spec import Component
from espnet2.runtime.long_form import LongForm
from espnet2.runtime.memory import GB
from espnet2.runtime.options import DecodeOptions

_log = logging.getLogger(__name__)


class Windows(LongForm):
    """Rule of recordings that are longer than a window of so many samples; 0: there is none.

    They are decoded window by window where the option `long_form` is true or auto.
    """

    def __init__(self, encoder: Component, options: DecodeOptions, sample_rate: int, window: int) -> None:
        super().__init__(encoder, options, sample_rate)
        self.window = window

    def cuts(self, steps: int) -> bool:
        """Whether a recording of `steps` samples is decoded in several windows."""
        return self.mode != "false" and 0 < self.window < steps

    def require(self, steps: int, name: str) -> None:
        """Raise `AudioError`, which calls it `name`, where memory is not enough for a window."""
        taken = self.window or steps
        if not self.fits(taken):
            room = f"{self.memory(taken) / GB:.3g} GB, which {taken / self.rate:g} s take"
            raise AudioError(f"{name}: memory_limit: expected at least {room}, found {self.limit / GB:.3g} GB")


class ReadAhead:
    """Samples (T,) of a recording that comes in pieces, of which those before the newest stretch are dropped."""

    def __init__(self, pieces: Iterable[np.ndarray]) -> None:
        self._pieces, self._held, self._first = iter(pieces), np.zeros(0, np.float32), 0

    def __call__(self, start: int, count: int) -> np.ndarray:
        """Samples [start, start + count), fewer at the end of the recording; no later stretch starts before `start`."""
        while self._first + len(self._held) < start + count and (piece := next(self._pieces, None)) is not None:
            self._drop(start)
            self._held = np.concatenate([self._held, piece]) if len(self._held) else piece
        self._drop(start)
        return self._held[start - self._first :][:count]

    def _drop(self, start: int) -> None:
        """Drop the samples before number `start`."""
        dropped = min(start - self._first, len(self._held))
        self._held, self._first = self._held[dropped:], self._first + dropped


ROUNDING = 1e-6  # of a step from one time to the next


class Utterance(NamedTuple):
    """Tokens of an utterance, from `start` to `end` in seconds of a window; one that is not `complete` has no end.

    `frames` are those of the tokens in the window, where they are known.
    """

    start: float
    end: float
    tokens: list[int]
    complete: bool = True
    frames: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class Clock:
    """Times of tokens: indices `first` to `last` are from 0 to `seconds`."""

    first: int
    last: int
    seconds: float

    def is_time(self, token: int) -> bool:
        """Whether a token is a time."""
        return self.first <= token <= self.last

    def time(self, token: int) -> float:
        """Seconds from the start of the window."""
        return (token - self.first) * self.seconds / max(self.last - self.first, 1)

    def token(self, seconds: float) -> int:
        """The last time that is not behind `seconds`."""
        return self.first + math.floor(seconds * (self.last - self.first) / self.seconds + ROUNDING)

    def utterances(self, tokens: Sequence[int], frames: Sequence[tuple[int, int]] = ()) -> list[Utterance]:
        """The utterances of a text, each of which stands between two times; the last one may be without its end.

        Such a one lasts until the window ends. `frames` are those of the tokens, or none.
        """
        places = [place for place, token in enumerate(tokens) if self.is_time(token)]
        starts = places[::2]
        found = []
        for number, start in enumerate(starts):
            complete = 2 * number + 1 < len(places)
            end = places[2 * number + 1] if complete else len(tokens)
            closing = self.time(tokens[end]) if complete else self.seconds
            inner = slice(start + 1, end)
            spans = tuple(frames[inner])
            found.append(Utterance(self.time(tokens[start]), closing, list(tokens[inner]), complete, spans))
        return found


class Pace:
    """Steps from a window of `seconds` to the next: of a model whose windows end at once, they would have no end.

    `PATIENCE` steps one after the other that are together shorter than `LEAST` of a window are followed by a whole one.
    """

    PATIENCE, LEAST = 8, 0.2

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._steps: deque[float] = deque(maxlen=self.PATIENCE)

    def __call__(self, step: float) -> float:
        """The step that is taken in the place of one that the model asks for."""
        self._steps.append(step)
        if len(self._steps) < self.PATIENCE or sum(self._steps) >= self.LEAST * self._seconds:
            return step
        _log.warning(
            "%d windows of %g s in turn ended after %.2f s together; the rest of one is left out",
            *(self.PATIENCE, self._seconds, sum(self._steps)),
        )
        self._steps.clear()
        return self._seconds


def kept(utterances: Sequence[Utterance], seconds: float, latest: float) -> tuple[list[Utterance], float]:
    """The utterances of a window of `seconds` that are kept, and where the next window begins, in seconds from it.

    The last of several is left to the next window where it is not complete, or ends behind `latest`.
    """
    if not utterances:
        return [], seconds
    *others, last = utterances
    if others and (not last.complete or last.end > latest + ROUNDING):
        return others, last.start or seconds
    return [*others, last], last.end or seconds
