"""Parts of long recordings: every sample in one, none too long, cuts in pauses where there are some."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2.runtime.pauses import Cutter, find_pauses, levels

RATE = 1000
CUTTER = Cutter(rate=RATE, unit=40, shortest=500, usual=4000, longest=8000, overlap=1000)
WIDENED = Cutter(rate=RATE, unit=40, shortest=500, usual=4000, longest=8000, overlap=1000, context=320)


def spoken(*stretches, noise=0.001, seed=0):
    """Stretches of (seconds, amplitude) as noise of that amplitude."""
    rng = np.random.default_rng(seed)
    pieces = [rng.standard_normal(round(seconds * RATE)) * max(amplitude, noise) for seconds, amplitude in stretches]
    return np.concatenate(pieces).astype(np.float32)


def check(parts, size, cutter):
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == size
    assert parts[0].begin == 0
    assert parts[-1].end == size
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        assert part.start < part.stop
        assert 0 <= part.begin < part.end <= size
        assert part.begin % cutter.unit == 0
        assert part.end - part.begin <= cutter.longest
        assert part.end - part.begin >= min(cutter.shortest, size)
        if following is None:
            continue
        assert part.stop % cutter.unit == 0
        if not part.paused:
            assert part.end - following.begin >= cutter.overlap - 2 * cutter.unit
        if not part.paused or cutter.context:
            assert following.begin <= part.stop <= part.end
        else:
            assert part.end <= part.stop <= following.begin


@settings(max_examples=40)
@given(
    stretches=st.lists(st.tuples(st.floats(0.05, 9.0), st.sampled_from([0.0, 0.01, 0.3])), min_size=1, max_size=12),
    cutter=st.sampled_from([CUTTER, WIDENED]),
)
def test_parts_cover_a_recording(stretches, cutter):
    speech = spoken(*stretches)
    check(cutter(speech), len(speech), cutter)


@pytest.mark.parametrize("loudness", [1.0, 0.01])
@pytest.mark.parametrize("noise", [0.0, 0.003])
@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_cuts_are_in_pauses(loudness, noise, offset):
    speech = loudness * spoken(*[(2.5, 0.1), (0.5, 0.0)] * 10, noise=noise) + offset
    parts = CUTTER(speech)
    assert len(parts) == 10
    assert all(part.paused for part in parts)
    for number, part in enumerate(parts[:-1], 1):
        assert number * 3 - 0.5 < part.stop / RATE < number * 3
        assert part.end / RATE < number * 3


def test_a_long_pause_is_left_out_but_for_its_ends():
    speech = spoken((3, 0.1), (4, 0.0), (3, 0.1))
    first, second = CUTTER(speech)[0], CUTTER(speech)[-1]
    assert 3.1 < first.end / RATE < 3.4
    assert 6.6 < second.begin / RATE < 6.95


def test_the_longest_pause_where_none_is_clear():
    speech = spoken((1.5, 0.1), (0.2, 0.0), (1.5, 0.1), (0.26, 0.0), (9, 0.1))
    assert 3.2 < CUTTER(speech)[0].stop / RATE < 3.46


def test_the_quietest_place_where_there_is_no_pause():
    speech = spoken((5, 0.1), (0.1, 0.05), (9.9, 0.1))
    first, *_ = CUTTER(speech)
    assert not first.paused
    assert 4.9 < first.stop / RATE < 5.2


def test_loudness_may_change():
    speech = spoken(*[(2, 0.3), (0.5, 0.01)] * 8, *[(2, 0.005), (0.5, 0.0)] * 8)
    assert sum(part.paused for part in CUTTER(speech)) >= 14


@pytest.mark.parametrize("speech", [np.zeros(30 * RATE, np.float32), spoken((30, 0.1))])
def test_no_telling_pauses_from_speech(speech):
    assert not find_pauses(levels(speech, 10), 0, 3000)
    check(CUTTER(speech), len(speech), CUTTER)


def test_levels_in_blocks_are_those_at_once(monkeypatch):
    speech = spoken((3, 0.1), (1, 0.0))
    expected = levels(speech, 10)
    monkeypatch.setattr("espnet2.runtime.pauses._BLOCK", 7)
    np.testing.assert_allclose(levels(speech, 10), expected)
    assert len(expected) == 400
    assert expected[100] == pytest.approx(-20, abs=3)


def test_features():
    loud, quiet = np.full((300, 4), 5.0), np.full((50, 4), -3.0)
    features = np.concatenate([loud, quiet] * 4).astype(np.float32)
    parts = Cutter(rate=100, unit=4, shortest=100, usual=1000, longest=2000, overlap=100)(features)
    assert [part.stop // 50 for part in parts] == [6, 13, 20, 28]
    assert len(levels(np.zeros((0, 4), np.float32), 1)) == 0
