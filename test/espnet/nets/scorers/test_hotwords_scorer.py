"""The scorer of hotwords against counts of the words in texts, alone, mixed with others and within searches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_tables import Posteriors, Table, random_tables

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search import BeamSearch
from espnet.nets.beam_search_timesync import BeamSearchTimeSync
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet.nets.scorers.hotwords import Hotwords
from espnet.nets.scorers.mixture import Mixture

V, SOS = 6, 5
TOKENS = st.integers(1, 4)
WORDS = st.dictionaries(st.lists(TOKENS, min_size=1, max_size=4).map(tuple), st.floats(-5, 5), min_size=1, max_size=6)


def boosts_in(text, words):
    """The sum of the boosts of the words in a text, wherever they begin."""
    starts = range(len(text))
    return sum(boost for word, boost in words.items() for i in starts if tuple(text[i : i + len(word)]) == word)


def scored(scorer, text, end=SOS):
    """The scores of the tokens of a text, and of an end symbol behind it."""
    y, state, found = [SOS], scorer.init_state(None), []
    for token in [*text, end]:
        scores, (state,) = scorer.batch_score(np.array([y]), [state], np.zeros(1))
        found.append(float(scores[0, token]))
        y.append(token)
    return found


@given(words=WORDS, text=st.lists(TOKENS, max_size=12))
def test_a_text_has_the_boosts_of_its_words_and_nothing_of_unfinished_ones(words, text):
    scorer = Hotwords(words.items(), V)
    *tokens, end = scored(scorer, text)
    assert sum(tokens) + end == pytest.approx(boosts_in(text, words), abs=1e-4)
    assert scorer.end_score(np.array([SOS, *text])) == pytest.approx(end, abs=1e-5)
    rewards = [scorer.reward([SOS, *text[: known + 1]]) for known in range(len(text))]
    assert rewards == pytest.approx(tokens, abs=1e-5)


@given(words=WORDS, texts=st.lists(st.lists(TOKENS, min_size=4, max_size=4), min_size=1, max_size=5))
def test_hypotheses_are_scored_as_each_alone(words, texts):
    scorer = Hotwords(words.items(), V)
    ys, states = np.array([[SOS, *text] for text in texts]), [scorer.init_state(None)] * len(texts)
    for known in range(1, 6):
        scores, after = scorer.batch_score(ys[:, :known], states, np.zeros(1))
        for y, state, row, new in zip(ys, states, scores, after, strict=True):
            alone, node = scorer.score(y[:known], state, np.zeros(1))
            np.testing.assert_array_equal(alone, row)
            assert node == new
        states = after


def test_each_token_gives_its_share_which_another_one_takes_back():
    scorer = Hotwords([((1, 2, 3), 6.0)], V)
    assert scored(scorer, [1, 2, 3]) == pytest.approx([2, 2, 2, 0])
    assert scored(scorer, [1, 2, 1]) == pytest.approx([2, 2, -2, -2])
    assert scored(scorer, [4, 4]) == pytest.approx([0, 0, 0])


def test_the_last_of_equal_words_counts():
    assert sum(scored(Hotwords([((1, 2), 6.0), ((1, 2), 1.0)], V), [1, 2])) == pytest.approx(1)


def test_a_mixture_is_the_weighted_sum():
    hotwords, table = Hotwords([((1, 2), 4.0)], V), Table(np.ones((V, V)), np.eye(3, V))
    mixture = Mixture([(table, 0.5), (hotwords, 2.0)])
    ys, states = np.array([[SOS], [1]]), [mixture.init_state(np.zeros((1, 1)))] * 2
    scores, after = mixture.batch_score(ys, states, np.zeros((2, 1)))
    expected = [0.5 * table.score(y, 0, None)[0] + 2.0 * hotwords.score(y, 0, np.zeros(1))[0] for y in ys]
    np.testing.assert_allclose(scores, expected)
    assert [state[1] for state in after] == [0, 1]
    assert mixture.rewards
    assert mixture.end_score([SOS, 1]) == pytest.approx(2.0 * -2.0)


WORD = {(1, 2): 3.0, (2, 3, 1): 2.0}
WEIGHT = 2.0


@pytest.mark.parametrize("search", [BeamSearch, BatchBeamSearch])
@pytest.mark.parametrize("options", [{}, {"pre_beam_score_key": "full"}])
@pytest.mark.parametrize("maxlenratio", [0.0, -4])
def test_hypotheses_have_the_boosts_of_their_words(search, options, maxlenratio):
    for seed in range(3):
        tables = random_tables(seed, V, 9)
        known = {"decoder": Table(tables["decoder_bigram"], tables["decoder_context"])}
        known["ctc"] = CTCPrefixScorer(Posteriors(tables["ctc"]), SOS)
        known["hotwords"] = Hotwords(WORD.items(), V)
        weights = {"decoder": 0.6, "ctc": 0.4, "hotwords": WEIGHT}
        found = search(known, weights, 4, V, SOS, SOS, **options)(np.zeros((9, 2), np.float32), maxlenratio)
        assert found
        for hypothesis in found:
            boost = boosts_in(hypothesis.yseq[1:-1].tolist(), WORD)
            assert hypothesis.scores["hotwords"] == pytest.approx(boost, abs=1e-4)
            total = sum(weights[name] * score for name, score in hypothesis.scores.items())
            assert hypothesis.score == pytest.approx(total, abs=1e-4)


def test_time_synchronous_hypotheses_have_them_too():
    tables = random_tables(1, V, 9)
    known = {"ctc": Posteriors(tables["ctc"])}
    plain = BeamSearchTimeSync(SOS, 500, known, {"ctc": 1.0}, pre_beam_ratio=1)(np.zeros((9, 2)))
    boosted = BeamSearchTimeSync(
        SOS, 500, {**known, "hotwords": Hotwords(WORD.items(), V)}, {"ctc": 1.0, "hotwords": WEIGHT}, pre_beam_ratio=1
    )(np.zeros((9, 2)))
    before = {tuple(hypothesis.yseq.tolist()): hypothesis.score for hypothesis in plain}
    assert [h.score for h in boosted] == sorted((h.score for h in boosted), reverse=True)
    for hypothesis in boosted[:20]:
        text = tuple(hypothesis.yseq.tolist())
        if text in before:
            expected = before[text] + WEIGHT * boosts_in(text[1:-1], WORD)
            assert hypothesis.score == pytest.approx(expected, abs=0.05)
