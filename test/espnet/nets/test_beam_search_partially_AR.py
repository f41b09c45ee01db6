"""Partially autoregressive decoding against upstream's segment searches, and at the edges of its options."""

import numpy as np
import pytest
from search_tables import CASES, Posteriors, golden_tables, log_softmax

from espnet.nets.beam_search_partially_AR import PartiallyARInference, segments_of
from espnet.nets.scorer_interface import ScorerInterface
from espnet.nets.scorers.ctc import CTCPrefixScorer


class LastToken(ScorerInterface):
    """Scores that depend on the last token; counts the tokens that it has seen, as a cache would."""

    def __init__(self, bigram):
        self.log_p = log_softmax(bigram)

    def init_state(self, x):
        return 0

    def select_state(self, state, i, new_id=None):
        return state[i]

    def score(self, y, state, x):
        assert state == len(y) - 1
        return self.log_p[y[-1]], state + 1


def decode(log_p, bigram, threshold=0.9, beam_size=3, max_seq_len=5):
    """The text for CTC's log_p (T, V)."""
    frames, vocab = log_p.shape
    scorers = {"decoder": LastToken(bigram), "ctc": CTCPrefixScorer(Posteriors(log_p), vocab - 1)}
    options = {"threshold_probability": threshold, "max_seq_len": max_seq_len}
    sizes = beam_size, vocab, vocab - 1, vocab - 1
    search = PartiallyARInference(Posteriors(log_p), scorers, {"decoder": 1.0, "ctc": 0.5}, *sizes, **options)
    (found,) = search(np.zeros((frames, 2)), 0.5, 0.1)
    assert found.score == 0
    assert found.yseq[[0, -1]].tolist() == [vocab - 1] * 2
    return found.yseq[1:-1].tolist()


@pytest.mark.parametrize("case", CASES["partially_ar"], ids=lambda case: str(case["options"]))
def test_texts_equal_upstreams(case):
    for tables, expected in zip(golden_tables(), case["text"], strict=True):
        assert decode(tables["ctc"], tables["decoder_bigram"], *case["options"]) == expected


def posteriors(tokens, probabilities, vocab=6):
    rest = (1 - np.array(probabilities)) / (vocab - 1)
    p = np.repeat(rest[:, None], vocab, axis=1)
    p[np.arange(len(tokens)), np.array(tokens, int)] = probabilities
    return np.log(p)


@pytest.mark.parametrize("tokens", [[], [0, 0], [1, 0, 2]])
def test_without_doubt_it_is_ctcs_text(tokens):
    log_p = posteriors(tokens, [0.95] * len(tokens))
    assert decode(log_p, np.zeros((6, 6))) == [token for token in tokens if token]


def test_a_segment_that_ended_wins_over_one_that_was_cut():
    """From 1: 2 (the token that follows) is less likely than 3, which goes on for ever."""
    bigram = np.full((6, 6), -20.0)
    bigram[1, 2], bigram[1, 3], bigram[3, 3] = -1.5, -0.3, 0.0
    log_p = posteriors([1, 4, 2], [0.95, 0.5, 0.95])
    assert decode(log_p, bigram) == [1, 2]
    bigram[1, 2] = -30
    assert decode(log_p, bigram, beam_size=1) == [1, 3, 3, 3, 3, 3, 2]


def test_segments_are_runs():
    assert segments_of(np.array([True, True, False, True, False, False, True])) == [(0, 2), (3, 4), (6, 7)]
    assert segments_of(np.zeros(0, bool)) == []
