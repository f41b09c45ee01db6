"""Places where a long recording is cut: its pauses, which an energy rule finds, or its quietest places.

The level of a recording, in decibels, is taken every 10 ms. A pause is where the level stays near the lowest of the
surroundings, so that neither the noise of a recording nor its loudness matters; both may change within it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LEVELS = 100  # per second
SMOOTHED = 5  # levels that a mean is taken over: 50 ms, so that the closure of a plosive is no pause
LEAST_PAUSE = 0.15  # seconds
MARGIN = 0.25  # seconds of a pause that are left before and behind speech
CLEAR_PAUSE = 0.3  # seconds; utterances of most corpora are divided by such ones
FLOOR, PEAK = 5, 95  # percentiles of the levels of noise and of speech
RISE = 0.5  # of the way from the one to the other: where speech begins
LEAST_RISE = 6.0  # dB between them, or pauses cannot be told from speech
SILENCE = 1e-10  # power added to that of the samples: -100 dB, below the noise of 16 bits
_BLOCK = 60 * LEVELS  # levels that are computed at a time


@dataclass(frozen=True)
class Part:
    """Part that is recognised by itself: [begin, end) of a recording, for its [start, stop), in no other part.

    Where no pause divides parts they overlap; the middle of a long pause is in no [begin, end).
    `paused` is whether there is a pause at `stop`.
    """

    start: int
    stop: int
    begin: int
    end: int
    paused: bool = True


class Cut(NamedTuple):
    """The end of a part at `stop`: recognised speech ends at `end`, and begins again at `begin`."""

    stop: int
    end: int
    begin: int
    paused: bool


@dataclass(frozen=True)
class Cutter:
    """Cuts recordings; all sizes in steps of the input: samples, or frames of features.

    Attributes:
        rate: Steps per second.
        unit: Parts start at multiples of this many steps.
        shortest: Least size of a part.
        usual: Size within which a part ends at its first clear pause, or else at its longest one, where it has one.
        longest: Largest size of a part with its overlaps.
        overlap: Of two parts that no pause divides.
        context: Further steps on both sides of every part, whose pauses are left whole then; 0 for none.
    """

    rate: float
    unit: int
    shortest: int
    usual: int
    longest: int
    overlap: int
    context: int = 0

    def __call__(self, speech: np.ndarray, start: int = 0, begin: int = 0) -> list[Part]:
        """Parts of a recording (T,) or (T, C), in order; their [start, stop) cover it from `start` on.

        The first one is recognised from `begin` on.
        """
        hop = max(1, round(self.rate / LEVELS))
        level = levels(speech, hop)
        parts: list[Part] = []
        while start < len(speech):
            cut = self._cut(level, hop, start, begin, len(speech))
            parts.append(Part(start, cut.stop, begin, min(cut.end, len(speech)), cut.paused))
            start, begin = cut.stop, max(cut.begin, 0)
        return parts

    def _cut(self, level: np.ndarray, hop: int, start: int, begin: int, size: int) -> Cut:
        """The end of the part that covers the recording from `start` on, and is recognised from `begin` on."""
        origin = max(start, begin)
        left, room = size - origin, self.longest - (origin - begin) - self.context
        last = min(origin + room, size - self.shortest)
        cut = self._pause(find_pauses(level, origin // hop, last // hop), hop, origin, last, left <= self.usual)
        if cut is not None:
            return cut
        if left <= room:
            return Cut(size, size, size, True)
        last = min(origin + room - self.overlap // 2, last)
        first = max(origin + self.shortest, min(origin + self.usual, last - self.unit - hop)) // hop
        quiet = level[first : max(last // hop, first + 1)]
        stop = self._aligned((first + int(quiet.argmin())) * hop)
        spread = self._aligned(self.overlap // 2) + self.context
        return Cut(stop, stop + spread, stop - spread, False)

    def _pause(
        self, pauses: Sequence[tuple[int, int]], hop: int, origin: int, last: int, only_clear: bool
    ) -> Cut | None:
        """The cut in the pause at which a part from `origin` ends; None where there is no such pause before `last`."""
        least = CLEAR_PAUSE if only_clear else LEAST_PAUSE
        sizes = {self._within(a * hop, min(b * hop, last)): min(b * hop, last) - a * hop for a, b in pauses}
        cuts = [
            cut for cut in sizes if min(cut.stop, cut.end) - origin >= self.shortest and sizes[cut] >= least * self.rate
        ]
        usual = [cut for cut in cuts if cut.stop <= origin + self.usual]
        clear = (cut for cut in usual if sizes[cut] >= CLEAR_PAUSE * self.rate)
        return next(clear, None) or max(usual or cuts[:1], key=lambda cut: sizes[cut], default=None)

    def _within(self, a: int, b: int) -> Cut:
        """The cut in the middle of a pause [a, b)."""
        stop = self._aligned((a + b) // 2)
        if self.context:
            return Cut(stop, stop + self.context, stop - self.context, True)
        margin = int(MARGIN * self.rate)
        return Cut(stop, min(stop, a + margin), max(stop, self._aligned(b - margin)), True)

    def _aligned(self, place: int) -> int:
        return place // self.unit * self.unit


def levels(speech: np.ndarray, hop: int) -> np.ndarray:
    """Levels (L,) in dB of samples (T,) or (T, C), or of frames of log features (T, F), one every `hop` steps.

    A hop's level is that of its variance, which a constant offset does not change; with a hop of one step, it is the
    mean of the features, taken to be natural logarithms. Levels are smoothed.
    """
    measure: Callable[[np.ndarray], np.ndarray] = _mean if hop == 1 else _power
    block = _BLOCK * hop
    found = [measure(_hops(speech[start : start + block], hop)) for start in range(0, len(speech), block)]
    level = np.concatenate(found) if found else np.zeros(0)
    width = min(SMOOTHED, len(level))
    if width < 2:
        return level
    padded = np.pad(level, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def _hops(speech: np.ndarray, hop: int) -> np.ndarray:
    """(T, ...) to (L, hop, C); the last hop is filled by its last step."""
    missing = -len(speech) % hop
    flat = speech.reshape(len(speech), -1).astype(np.float64)
    return np.pad(flat, ((0, missing), (0, 0)), mode="edge").reshape(-1, hop, flat.shape[1])


def _power(hops: np.ndarray) -> np.ndarray:
    return 10 * np.log10(hops.var(axis=1).mean(axis=-1) + SILENCE)


def _mean(hops: np.ndarray) -> np.ndarray:
    return 10 / np.log(10) * hops.mean(axis=(1, 2))


def find_pauses(level: np.ndarray, first: int, last: int) -> list[tuple[int, int]]:
    """Pauses [a, b) among the levels [first, last)."""
    near = level[first:last]
    if not len(near):
        return []
    floor, peak = np.percentile(near, (FLOOR, PEAK))
    if peak - floor < LEAST_RISE:
        return []
    quiet = np.concatenate(([False], near < floor + RISE * (peak - floor), [False]))
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8))) + first
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
