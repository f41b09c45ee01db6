"""Parts of recordings that come in pieces: those of the whole recording, wherever pieces end."""

import numpy as np
import pytest

from espnet2.runtime.cli.cutting import cut
from espnet2.runtime.pauses import Cutter

RATE = 1000
CUTTER = Cutter(RATE, 40, shortest=500, usual=4000, longest=8000, overlap=1000)


def recording(seed, seconds=90):
    """Bursts of noise of 0.2 to 12 s between pauses of 0.05 to 3 s."""
    rng = np.random.default_rng(seed)
    pieces = [np.zeros(0)]
    while sum(map(len, pieces)) < seconds * RATE:
        pieces.append(rng.normal(size=int(RATE * rng.uniform(0.2, 12.0))))
        pieces.append(0.001 * rng.normal(size=int(RATE * rng.uniform(0.05, 3.0))))
    return np.concatenate(pieces).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [700, 10_000, 10**9])
def test_parts_are_those_of_the_whole_recording(seed, size):
    speech = recording(seed)
    found = list(cut((speech[start : start + size] for start in range(0, len(speech), size)), CUTTER))
    assert [one.part for one in found] == CUTTER(speech)
    for part, samples, around, first in found:
        np.testing.assert_array_equal(samples, speech[part.begin : part.end])
        np.testing.assert_array_equal(around, speech[first : first + len(around)])
        assert min(part.start, part.begin) <= first <= part.begin
        assert part.end <= first + len(around) <= max(part.stop, part.end)


@pytest.mark.parametrize("length", [0, 1, 7999, 8000])
def test_a_recording_that_fits_is_one_part(length):
    speech = recording(0)[:length]
    ((part, samples, around, first),) = cut(iter([speech[:3000], speech[3000:]]), CUTTER)
    assert (part.start, part.stop, part.begin, part.end, part.paused) == (0, length, 0, length, True)
    np.testing.assert_array_equal(samples, speech)
    assert (around is samples, first) == (True, 0)


def test_no_more_is_held_than_is_needed():
    """A part is there before the piece after the next minutes is read."""
    read = 0

    def pieces():
        nonlocal read
        for _ in range(60):
            read += 1
            yield recording(read, 10)[: 10 * RATE]

    parts = cut(pieces(), CUTTER)
    next(parts)
    assert read <= 5
