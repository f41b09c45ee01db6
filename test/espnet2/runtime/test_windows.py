"""Utterances of windows, and where the next window begins, against tables of upstream's `decode_long`."""

import numpy as np
import pytest

from espnet2.runtime.windows import Clock, Pace, ReadAhead, Utterance, kept

SECONDS, LATEST = 2.0, 1.8
CLOCK = Clock(100, 200, SECONDS)
LETTERS = {"a": 1, "b": 2, "c": 3}


def tokens_of(text):
    return [LETTERS[word] if word in LETTERS else CLOCK.token(float(word)) for word in text.split()]


@pytest.mark.parametrize(
    ("text", "utterances", "step"),
    [
        ("0 a .5 .5 b 1.2", ["0 a .5", ".5 b 1.2"], 1.2),
        ("0 a 1.9", ["0 a 1.9"], 1.9),
        ("0 a 2", ["0 a 2"], 2.0),
        ("0 a .5 .6 b 2", ["0 a .5"], 0.6),
        ("0 a .5 .6 b 1.8", ["0 a .5", ".6 b 1.8"], 1.8),
        ("0 a .5 .6 b 1.78", ["0 a .5", ".6 b 1.78"], 1.78),
        (".1 a", [".1 a 2"], 2.0),
        (".1 a .5 .7 b", [".1 a .5"], 0.7),
        ("0 a .5 .6 b 1.2 1.3 c", ["0 a .5", ".6 b 1.2"], 1.3),
        (".2 .4", [".2 .4"], 0.4),
        (".2", [".2 2"], 2.0),
        ("", [], 2.0),
        ("a b", [], 2.0),
        ("0 a 0", ["0 a 0"], 2.0),  # the window goes on
    ],
)
def test_the_last_utterance_may_be_left_to_the_next_window(text, utterances, step):
    found, following = kept(CLOCK.utterances(tokens_of(text)), SECONDS, LATEST)
    assert following == pytest.approx(step)
    expected = [tokens_of(utterance) for utterance in utterances]
    assert [one.tokens for one in found] == [tokens[1:-1] for tokens in expected]
    times = [(CLOCK.time(tokens[0]), CLOCK.time(tokens[-1])) for tokens in expected]
    assert [(one.start, one.end) for one in found] == [pytest.approx(pair) for pair in times]


def test_tokens_of_language_and_task_before_the_first_time_are_no_utterance():
    assert CLOCK.utterances([7, 8, *tokens_of("0 a .5")]) == [Utterance(0.0, 0.5, [1])]


@pytest.mark.parametrize(("seconds", "token"), [(0.0, 100), (0.5, 125), (0.51, 125), (1.98, 199), (2.0, 200)])
def test_a_time_as_a_token(seconds, token):
    assert CLOCK.token(seconds) == token


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pieces_are_read_as_far_as_they_are_needed(size):
    samples, read = np.arange(20, dtype=np.float32), []

    def pieces():
        for start in range(0, len(samples), size):
            read.append(start)
            yield samples[start : start + size]

    recording = ReadAhead(pieces())
    for start, count in [(0, 5), (2, 3), (2, 5), (9, 4), (15, 9), (20, 1)]:
        assert recording(start, count).tolist() == samples[start : start + count].tolist()
        assert size == 100 or len(read) * size <= start + count + size


@pytest.mark.parametrize(
    ("steps", "taken"),
    [
        ([0.02] * 10, [0.02] * 7 + [30.0] + [0.02] * 2),
        ([0.8] * 30, [0.8] * 30),
        ([30.0] + [0.5] * 9, [30.0] + [0.5] * 7 + [30.0, 0.5]),
        ([0.5] * 7 + [4.0] * 3, [0.5] * 7 + [4.0] * 3),
    ],
)
def test_windows_that_end_at_once_one_after_the_other_are_followed_by_a_whole_one(steps, taken):
    pace = Pace(30.0)
    assert [pace(step) for step in steps] == taken
