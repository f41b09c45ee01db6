"""Spans of speech, and the segments of a text that they divide."""

import numpy as np
import pytest

from espnet2.runtime.cli.segments import Segment, speech_spans, split
from espnet2.runtime.timestamps import Timed
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

RATE = 16000


def bursts(*seconds):
    """Noise and pauses in turns, a pause first."""
    rng = np.random.default_rng(0)
    levels = [1e-4, 0.1]
    return np.concatenate(
        [levels[n % 2] * rng.normal(size=int(length * RATE)) for n, length in enumerate(seconds)]
    ).astype(np.float32)


def test_spans_begin_and_end_with_the_speech():
    spans = speech_spans(bursts(0.4, 1.0, 0.8, 1.5, 0.2, 0.7, 0.3), RATE, 0.5)
    np.testing.assert_allclose(spans, [(0.4, 1.4), (2.2, 4.6)], atol=0.025)
    spans = speech_spans(bursts(0.4, 1.0, 0.8, 1.5, 0.2, 0.7, 0.3), RATE, 0.1)
    np.testing.assert_allclose(spans, [(0.4, 1.4), (2.2, 3.7), (3.9, 4.6)], atol=0.025)


def test_without_pauses_all_is_one_span():
    assert speech_spans(bursts(0, 2.0), RATE, 0.5) == [(0.0, 2.0)]


SPANS = [(0.0, 1.0), (2.0, 3.0)]


@pytest.mark.parametrize(
    ("tokenizer", "tokens", "starts", "segments"),
    [
        (WordTokenizer(), ["a", "b", "c"], [0.1, 1.2, 2.1], [(0, "a b", ["a", "b"]), (1, "c", ["c"])]),
        (CharTokenizer(), ["a", "b", "<space>", "c"], [0.1, 0.2, 1.5, 2.1], [(0, "ab", ["ab"]), (1, "c", ["c"])]),
        (CharTokenizer(), ["a", "b", "c"], [0.1, 0.2, 2.1], [(0, "ab", []), (1, "c", [])]),
        (None, ["x", "y"], [2.1, 2.2], [(1, "x y", ["x", "y"])]),
        (WordTokenizer(), [], [], []),
    ],
)
def test_words_belong_to_the_nearest_span(tokenizer, tokens, starts, segments):
    found = split(tokens, [(start, start + 0.1) for start in starts], SPANS, tokenizer)
    assert [(SPANS.index((s.start, s.end)), s.text, [word.text for word in s.words]) for s in found] == segments


def test_words_keep_their_times():
    (found,) = split(["a", "b"], [(0.1, 0.2), (0.5, 0.8)], SPANS, WordTokenizer())
    assert found == Segment(0.0, 1.0, "a b", [Timed("a", 0.1, 0.2), Timed("b", 0.5, 0.8)])
