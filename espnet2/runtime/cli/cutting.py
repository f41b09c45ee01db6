"""Parts of a recording of any length that is read piece by piece; only the newest minutes are held."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from espnet2.runtime.pauses import LEVELS, Cutter, Part

HELD = 4  # longest parts that are held before some are cut off
AHEAD = 2  # longest parts that a cut depends on

AROUND = 0.5  # seconds on both sides of a part in which its speech may begin and end softly


class Cut(NamedTuple):
    """A part of a recording: its samples [begin, end), and those `around` them in no other part, from `first` on."""

    part: Part
    samples: np.ndarray
    around: np.ndarray
    first: int


def cut(pieces: Iterable[np.ndarray], cutter: Cutter) -> Iterator[Cut]:
    """The parts that `cutter` gives of a recording, as soon as they are known.

    A recording that is no longer than a part may be is one part.

    Args:
        pieces: The recording, samples (T,) each.
        cutter: Its parts have no context.
    """
    held, first = np.zeros(0, np.float32), 0  # the samples from number `first` on
    start = begin = 0  # of the next part
    around = int(AROUND * cutter.rate)
    for piece, is_last in _marked(pieces):
        held = np.concatenate([held, piece])
        if not is_last and first + len(held) - start < HELD * cutter.longest:
            continue
        if is_last and not first and not start and len(held) <= cutter.longest:
            yield Cut(Part(0, len(held), 0, len(held)), held, held, 0)
            return
        for part in cutter(held, start - first, begin - first):
            start, begin = part.start + first, part.begin + first
            if not is_last and part.start + AHEAD * cutter.longest > len(held):
                break
            stop, end = part.stop + first, part.end + first
            absolute = Part(start, stop, begin, end, part.paused)
            a = min(max(part.start, part.begin - around), part.begin)
            b = max(min(part.stop, part.end + around), part.end)
            yield Cut(absolute, held[part.begin : part.end], held[a:b], first + a)
        dropped = (min(start, begin) - first) // _grid(cutter) * _grid(cutter)
        held, first = held[dropped:], first + dropped


def _grid(cutter: Cutter) -> int:
    """Samples in which both levels and parts begin anew."""
    return math.lcm(cutter.unit, max(1, round(cutter.rate / LEVELS)))


def _marked(pieces: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """The pieces, and whether each is the last one."""
    waiting = iter(pieces)
    held = next(waiting, None)
    while held is not None:
        piece, held = held, next(waiting, None)
        yield piece, held is None
