"""Beam search against upstream's n-best lists, against exhaustive search, and at the edges of its options."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_tables import CASES, Posteriors, Table, golden_tables, random_tables

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search import BeamSearch, Hypothesis
from espnet.nets.scorer_interface import PartialScorerInterface, ScorerInterface
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus

SEARCHES = {"BeamSearch": BeamSearch, "BatchBeamSearch": BatchBeamSearch}
both = pytest.mark.parametrize("search", SEARCHES.values())


def scorers_of(tables, vocab):
    return {
        "decoder": Table(tables["decoder_bigram"], tables["decoder_context"]),
        "ctc": CTCPrefixScorer(Posteriors(tables["ctc"]), vocab - 1),
        "lm": Table(tables["lm_bigram"], tables["lm_context"]),
        "length_bonus": LengthBonus(vocab),
    }


def decode(search, tables, weights, maxlenratio=0.0, minlenratio=0.0, beam_size=4, sos=None, **options):
    frames, vocab = tables["ctc"].shape
    beam = search(
        scorers_of(tables, vocab), weights, beam_size, vocab, vocab - 1 if sos is None else sos, vocab - 1, **options
    )
    return beam(np.zeros((frames, 2), np.float32), maxlenratio, minlenratio)


@pytest.mark.parametrize("case", CASES["search"], ids=lambda case: f"{case['search']}-{json.dumps(case['options'])}")
def test_nbest_equals_upstreams(case):
    for tables, expected in zip(golden_tables(), case["nbest"], strict=True):
        nbest = decode(SEARCHES[case["search"]], tables, **case["options"])[:10]
        assert [hyp.yseq.tolist() for hyp in nbest] == [yseq for yseq, _, _ in expected]
        for hyp, (_, score, scores) in zip(nbest, expected, strict=True):
            assert hyp.score == pytest.approx(score, abs=1e-3, rel=1e-6)
            assert hyp.asdict()["scores"] == pytest.approx(scores, abs=1e-3, rel=1e-6)


def exhaustive(tables, weights, tokens):
    """The best sequence of at most `tokens` tokens and the end symbol, by scoring every one."""
    frames, vocab = tables["ctc"].shape
    scorers = {name: scorer for name, scorer in scorers_of(tables, vocab).items() if name in weights}
    x, best = np.zeros((frames, 2)), (-np.inf, ())
    for length in range(tokens + 1):
        for sequence in itertools.product(range(vocab - 1), repeat=length):
            y = np.array([vocab - 1, *sequence, vocab - 1])
            total = sum(weights[name] * total_score(scorer, y, x) for name, scorer in scorers.items())
            best = max(best, (total, tuple(y.tolist())))
    return best


def total_score(scorer, y, x):
    total, state = 0.0, scorer.init_state(x)
    for i in range(1, len(y)):
        if isinstance(scorer, PartialScorerInterface):
            scores, state = scorer.score_partial(y[:i], y[i : i + 1], state, x)
            state, score = scorer.select_state(state, 0), scores[0]
        else:
            scores, state = scorer.score(y[:i], state, x)
            score = scores[y[i]]
        total += score
    return total


@both
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), ctc=st.sampled_from([0.0, 0.3, 1.0]), pre_beam=st.booleans())
def test_a_wide_enough_beam_finds_the_best_sequence(search, seed, ctc, pre_beam):
    tables = random_tables(seed, vocab=4, frames=5)
    weights = {name: w for name, w in {"decoder": 1 - ctc, "ctc": ctc, "lm": 0.2}.items() if w}
    # A step that forces the end gives no score for it: three tokens and their end symbol are found within four steps.
    nbest = decode(
        search, tables, weights, maxlenratio=-5, beam_size=256, pre_beam_score_key="full" if pre_beam else None
    )
    found = max((hyp for hyp in nbest if len(hyp.yseq) <= 5), key=lambda hyp: hyp.score)
    score, yseq = exhaustive(tables, weights, 3)
    assert found.score == pytest.approx(score)
    assert tuple(found.yseq.tolist()) == yseq


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), beam=st.integers(1, 6))
def test_batches_change_nothing_but_the_calls(seed, beam):
    tables = random_tables(seed, vocab=9, frames=8)
    one, many = (
        decode(search, tables, {"decoder": 0.6, "ctc": 0.4}, beam_size=beam, maxlenratio=-6)
        for search in SEARCHES.values()
    )
    assert [hyp.yseq.tolist() for hyp in one] == [hyp.yseq.tolist() for hyp in many]
    np.testing.assert_allclose([hyp.score for hyp in one], [hyp.score for hyp in many])


class CandidatesOnly(BatchBeamSearch):
    candidates_only = True


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), beam=st.integers(1, 4))
def test_end_symbol_has_to_be_a_candidate_where_that_is_asked_for(seed, beam):
    tables = random_tables(seed, vocab=9, frames=8)
    options = {"beam_size": beam, "maxlenratio": -6, "pre_beam_score_key": "full"}
    one, many = (
        decode(search, tables, {"decoder": 0.6, "ctc": 0.4}, **options) for search in (BeamSearch, CandidatesOnly)
    )
    assert [hyp.yseq.tolist() for hyp in one] == [hyp.yseq.tolist() for hyp in many]
    np.testing.assert_allclose([hyp.score for hyp in one], [hyp.score for hyp in many])


@both
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_scores_are_the_weighted_sum_of_what_each_scorer_says(search, seed):
    tables, weights = random_tables(seed, vocab=9, frames=8), {"decoder": 0.6, "ctc": 0.4, "length_bonus": 0.2}
    for hyp in decode(search, tables, weights, pre_beam_score_key="full"):
        assert hyp.score == pytest.approx(sum(weights[name] * hyp.scores[name] for name in weights))
        said = hyp.yseq[:9]  # the length limit adds an end symbol that is not scored
        scorer = Table(tables["decoder_bigram"], tables["decoder_context"])
        assert hyp.scores["decoder"] == pytest.approx(total_score(scorer, said, np.zeros((8, 2))))


class Unbatched(ScorerInterface):
    """A scorer without a batch interface, with a final score."""

    def score(self, y, state, x):
        return np.arange(4, dtype=np.float32), None

    def final_score(self, state):
        return 7.0


class Favourite(PartialScorerInterface):
    """A partial scorer without a batch interface, which counts its tokens."""

    def init_state(self, x):
        return 0

    def score_partial(self, y, next_tokens, state, x):
        assert state == len(y) - 1
        return (next_tokens == 1).astype(np.float32) * 5, [state + 1] * len(next_tokens)


@both
def test_scorers_without_batch_interface(search):
    beam = search(
        {"a": Unbatched(), "b": Favourite()}, {"a": 1.0, "b": 1.0}, 1, 4, 3, 3, pre_beam_ratio=3, pre_beam_score_key="a"
    )
    (best,) = beam(np.zeros((5, 2)), maxlenratio=-2)
    assert best.yseq.tolist() == [3, 1, 1, 3]
    assert best.scores == {"a": 1 + 1 + 7, "b": 10}
    assert best.score == 19


class Hidden(Table):
    """A decoder that returns hidden states on request."""

    def score(self, y, state, x, return_hs=False):
        scores, state = super().score(y, state, x)
        return (scores, np.full(3, len(y)), state) if return_hs else (scores, state)

    def batch_score(self, ys, states, xs, return_hs=False):
        scores, states = super().batch_score(ys, states, xs)
        return ((scores, np.full((len(ys), 3), ys.shape[1])), states) if return_hs else (scores, states)


@both
def test_hidden_states_on_request(search):
    tables = random_tables(0, vocab=5, frames=4)
    decoder = Hidden(tables["decoder_bigram"], tables["decoder_context"])
    nbest = search({"decoder": decoder}, {"decoder": 1.0}, 2, 5, 4, 4, return_hs=True)(np.zeros((4, 2)))
    assert len(nbest) > 1
    for hyp in nbest:
        steps = min(4, len(hyp.yseq) - 1)
        assert [h.tolist() for h in hyp.hs] == [[i] * 3 for i in range(1, steps + 1)]


@both
def test_bad_options_are_named(search):
    with pytest.raises(TypeError, match="scorer 'lm' must be a ScorerInterface, found int"):
        search({"lm": 3}, {"lm": 1.0}, 2, 5, 4, 4)
    with pytest.raises(KeyError, match=r"'lm' is none of \['full', 'length_bonus'\]"):
        search({"length_bonus": LengthBonus(5)}, {"length_bonus": 1.0}, 2, 5, 4, 4, pre_beam_score_key="lm")


@both
def test_nothing_within_the_limits_gives_an_empty_list_or_a_shorter_one(search, caplog):
    tables = random_tables(1, vocab=6, frames=10)
    weights = {"decoder": 0.7, "ctc": 0.3}
    assert decode(search, tables, weights, maxlenratio=-2, minlenratio=-5) == []
    assert "No hypothesis ended within 2 tokens" in caplog.text
    assert decode(search, tables, weights, maxlenratio=0.3, minlenratio=0.45)
    assert "searching again" in caplog.text


@both
@pytest.mark.parametrize("minlenratio", [1.0, 2.45, 1e300])
def test_what_no_text_can_reach_is_lowered_at_once(search, minlenratio, caplog):
    """As by steps of 0.1 down to what the longest text has, here 7 tokens of 10 frames."""
    tables, weights = random_tables(1, vocab=6, frames=10), {"decoder": 0.7, "ctc": 0.3}
    found = decode(search, tables, weights, maxlenratio=-7, minlenratio=minlenratio)
    assert min(len(hypothesis.yseq) - 2 for hypothesis in found) >= 6
    assert caplog.text.count("searching again") <= 2


def test_beam_wider_than_the_vocabulary():
    assert decode(BatchBeamSearch, random_tables(2, vocab=3, frames=4), {"decoder": 0.7, "ctc": 0.3}, beam_size=40)


def test_primer_can_be_set_later():
    tables = random_tables(3, vocab=6, frames=10)
    beam = BatchBeamSearch(scorers_of(tables, 6), {"decoder": 1.0}, 2, 6, 5, 5)
    beam.set_hyp_primer([5, 2])
    assert beam(np.zeros((10, 2)))[0].yseq[:2].tolist() == [5, 2]


def test_hypothesis_as_plain_data():
    hyp = Hypothesis(np.array([4, 1, 4]), np.float32(-1.5), {"ctc": np.float32(-2)})
    assert json.loads(json.dumps(hyp.asdict())) == {
        "yseq": [4, 1, 4], "score": -1.5, "scores": {"ctc": -2.0}, "states": {}, "hs": [], "frames": []
    }  # fmt: skip


@both
@pytest.mark.parametrize("bad", [slice(None), slice(2, None), slice(0, 1)])
def test_scores_that_are_not_numbers_are_refused(search, bad):
    tables = random_tables(0, vocab=6, frames=5)
    tables["decoder_context"][:, bad] = np.nan
    with pytest.raises(ValueError, match="expected scores that are numbers, found NaN in 6 of 6"):
        decode(search, tables, {"decoder": 0.7, "ctc": 0.3}, beam_size=2, pre_beam_score_key="full")
