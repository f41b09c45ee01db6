"""The best token of every frame, merged."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from search_tables import Frames, Posteriors, pieces

from espnet.nets.ctc_greedy import GreedyCTC, GreedyCTCOnline, greedy_text


def test_runs_of_a_token_are_one_token_with_its_highest_probability():
    best, probability = [0, 2, 2, 0, 2, 1, 1, 0], [0.9, 0.6, 0.8, 0.7, 0.5, 0.9, 0.4, 0.9]
    p = np.array([[(1 - x) / 2] * 3 for x in probability])
    p[range(8), best] = probability
    found = greedy_text(np.log(p))
    assert found.tokens.tolist() == [2, 2, 1]
    np.testing.assert_allclose(found.probability, [0.8, 0.5, 0.9])
    assert list(zip(found.start.tolist(), found.end.tolist(), strict=True)) == [(1, 3), (4, 5), (5, 7)]


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 3))
def test_tokens_are_those_of_the_collapsed_alignment(best, blank):
    log_p = np.log(0.1 + 0.6 * np.eye(4)[best]).reshape(-1, 4)
    found = greedy_text(log_p, blank)
    assert found.tokens.tolist() == [token for token, _ in itertools.groupby(best) if token != blank]
    assert all(set(best[s:e]) == {t} for t, s, e in zip(found.tokens, found.start, found.end, strict=True))


def test_a_hypothesis_of_the_best_alignment():
    p = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.05, 0.9, 0.05]])
    (found,) = GreedyCTC(Posteriors(np.log(p)), 2, 2)(np.zeros((3, 4)), 0.5, 0.1)
    assert found.yseq.tolist() == [2, 1, 1, 2]
    assert found.score == found.scores["ctc"] == np.log(p.max(1)).sum()


@given(st.lists(st.integers(0, 2), max_size=20), st.lists(st.integers(0, 20), max_size=6))
def test_cuts_of_a_stream_make_no_difference(best, cuts):
    log_p = np.log(0.1 + 0.7 * np.eye(3)[best]).reshape(-1, 3)
    search = GreedyCTCOnline(Frames(), 3, 3)
    for _ in range(2):
        search.reset()
        (found,) = [search(piece, is_final=False) for piece in pieces(log_p, cuts)][-1]
        (whole,) = GreedyCTC(Frames(), 3, 3)(log_p)
        assert found.yseq.tolist() == whole.yseq.tolist() and found.frames == whole.frames
        assert abs(found.score - whole.score) < 1e-9
    expected = greedy_text(log_p)
    assert [*whole.frames] == list(zip(expected.start.tolist(), expected.end.tolist(), strict=True))
