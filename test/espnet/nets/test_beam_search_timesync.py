"""Time-synchronous search against upstream's n-best lists, against sums over all alignments, and at its edges."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_tables import CASES, Frames, Posteriors, Table, golden_tables, log_softmax, pieces, random_tables

from espnet.nets.beam_search_timesync import BeamSearchTimeSync, BeamSearchTimeSyncOnline
from espnet.nets.scorer_interface import PartialScorerInterface, ScorerInterface
from espnet.nets.scorers.length_bonus import LengthBonus

HYBRID = {"decoder": 0.7, "ctc": 0.3}


def decode(tables, weights, beam_size=4, sos=None, **options):
    frames, vocab = tables["ctc"].shape
    scorers = {
        "decoder": Table(tables["decoder_bigram"], tables["decoder_context"]),
        "ctc": Posteriors(tables["ctc"]),
        "lm": Table(tables["lm_bigram"], tables["lm_context"]),
        "length_bonus": LengthBonus(vocab),
    }
    search = BeamSearchTimeSync(vocab - 1 if sos is None else sos, beam_size, scorers, weights, **options)
    return search(np.zeros((frames, 2), np.float32), 0.5, 0.1)


@pytest.mark.parametrize("case", CASES["time_sync"], ids=lambda case: json.dumps(case["options"]))
def test_nbest_equals_upstreams(case):
    for tables, expected in zip(golden_tables(), case["nbest"], strict=True):
        nbest = decode(tables, **case["options"])
        assert [hyp.yseq.tolist() for hyp in nbest] == [yseq for yseq, _ in expected]
        assert [hyp.score for hyp in nbest] == pytest.approx([score for _, score in expected], abs=1e-3)


def collapse(alignment):
    """Tokens of an alignment: repetitions merged, blanks left out."""
    return tuple(token for token, _ in itertools.groupby(alignment) if token)


def over_all_alignments(log_p):
    """CTC log-probability of every text, by summing over every alignment."""
    frames, vocab = log_p.shape
    totals: dict = {}
    for alignment in itertools.product(range(vocab), repeat=frames):
        text = collapse(alignment)
        totals[text] = np.logaddexp(totals.get(text, -np.inf), log_p[range(frames), alignment].sum())
    return totals


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), weights=st.sampled_from([{"ctc": 1.0}, HYBRID, {**HYBRID, "length_bonus": 0.5}]))
def test_a_wide_enough_beam_finds_every_text_with_its_score(seed, weights):
    tables = random_tables(seed, vocab=4, frames=4)
    found = {tuple(hyp.yseq[1:-1].tolist()): hyp.score for hyp in decode(tables, weights, beam_size=200)}
    totals = over_all_alignments(tables["ctc"])
    assert found.keys() == totals.keys()
    for text, total in totals.items():
        score = weights["ctc"] * total + weights.get("length_bonus", 0.0) * len(text)
        decoder, state = Table(tables["decoder_bigram"], tables["decoder_context"]), 0
        for i in range(len(text)):
            scores, state = decoder.score(np.array([3, *text[:i]]), state, None)
            score += weights.get("decoder", 0.0) * scores[text[i]]
        assert found[text] == pytest.approx(score)


class Unbatched(ScorerInterface):
    """Scores one hypothesis at a time and counts how often it is asked."""

    def __init__(self):
        self.asked = []

    def score(self, y, state, x):
        self.asked.append(tuple(y.tolist()))
        return np.arange(5, dtype=np.float32), None


def test_a_prefix_that_stays_in_the_beam_is_scored_once():
    scorer = Unbatched()
    log_p = log_softmax(np.random.default_rng(0).normal(size=(30, 5)))
    search = BeamSearchTimeSync(4, 3, {"ctc": Posteriors(log_p), "decoder": scorer}, {"ctc": 0.5, "decoder": 0.01})
    assert len(search(np.zeros((30, 2)))) == 3
    assert scorer.asked[0] == (4,)
    assert len(scorer.asked) < 30 * 3


def test_one_hypothesis_is_never_an_impossible_one():
    """A token that goes on over two frames, no blank among the candidates: upstream repeats the token, at -inf."""
    log_p = np.log(np.array([[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]]))
    (best,) = decode({**random_tables(0, 3, 2), "ctc": log_p}, {"ctc": 1.0}, beam_size=1)
    assert best.yseq.tolist() == [2, 1, 2]
    assert best.score == pytest.approx(np.log(0.8 * 0.8))


def test_nothing_but_blanks():
    log_p = np.log(np.array([[0.98, 0.01, 0.01]] * 3))
    (best,) = decode({**random_tables(0, 3, 3), "ctc": log_p}, HYBRID, beam_size=1)
    assert best.yseq.tolist() == [2, 2]


def test_no_frames_are_the_empty_text():
    (best,) = decode({**random_tables(0, 3, 3), "ctc": np.zeros((0, 3))}, HYBRID)
    assert best.yseq.tolist() == [2, 2]


def test_scorers_of_candidates_are_refused():
    with pytest.raises(ValueError, match="ngram: expected a scorer of all tokens, found PartialScorerInterface"):
        BeamSearchTimeSync(2, 1, {"ctc": None, "ngram": PartialScorerInterface()}, {"ctc": 1.0, "ngram": 0.5})


def test_scores_that_are_not_numbers_are_refused():
    tables = random_tables(0, vocab=6, frames=5)
    with pytest.raises(ValueError, match="expected scores that are numbers"):
        decode({**tables, "ctc": np.full((5, 6), np.nan)}, HYBRID)


class Watcher(Table):
    """Scores that depend on how much of a stream there is."""

    def init_state(self, x):
        return len(x), 0

    def extend(self, states, x):
        return [(frames + len(x), state) for frames, state in states]

    def score(self, y, state, x):
        scores, after = super().score(y, state[1], x)
        return scores * state[0] / 10, (state[0], after)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 12), max_size=8),
    watches=st.booleans(),
    beam=st.integers(1, 6),
)
def test_cuts_of_a_stream_make_no_difference(seed, cuts, watches, beam):
    tables = random_tables(seed, vocab=5, frames=12)
    kind = Watcher if watches else Table
    scorers = {"ctc": Frames(), "decoder": kind(tables["decoder_bigram"], tables["decoder_context"])}
    search = BeamSearchTimeSyncOnline(4, beam, scorers, HYBRID, block_size=4, hop_size=3, look_ahead=1)
    assert search(tables["ctc"][:0])[0].yseq.tolist() == [4, 4]
    found = []
    for places in ([], cuts):
        search.reset()
        given = pieces(tables["ctc"], places)
        found.append([search(piece, is_final=n == len(given) - 1) for n, piece in enumerate(given)][-1])
    if not watches:
        found.append(BeamSearchTimeSync(4, beam, scorers, HYBRID)(tables["ctc"]))
    whole, *others = [[(hyp.yseq.tolist(), pytest.approx(hyp.score)) for hyp in nbest] for nbest in found]
    assert all(other == whole for other in others)


def test_a_long_stream_is_forgotten():
    tables = random_tables(1, vocab=5, frames=300)
    scorers = {"ctc": Frames(), "decoder": Table(tables["decoder_bigram"], tables["decoder_context"])}
    search = BeamSearchTimeSyncOnline(4, 3, scorers, HYBRID, block_size=4, hop_size=3, look_ahead=1)
    for piece in pieces(tables["ctc"], range(10, 300, 10)):
        search(piece, is_final=False)
    assert len(search._search.prefixes) < 50 and len(search._search.numbers) < 100
