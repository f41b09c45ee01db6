"""The batched search over candidates alone against the one over all tokens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_tables import Posteriors, Table, random_tables

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.scorers.ctc import CTCPrefixScorer
from espnet.nets.scorers.length_bonus import LengthBonus

VOCAB = 12


def decode(tables, weights, over_all, candidates_only=False, maxlenratio=0.0, beam_size=4, **options):
    """Hypotheses as lists with their scores, and how many steps compared candidates alone."""
    scorers = {
        "decoder": Table(tables["decoder_bigram"], tables["decoder_context"]),
        "lm": Table(tables["lm_bigram"], tables["lm_context"]),
        "ctc": CTCPrefixScorer(Posteriors(tables["ctc"]), VOCAB - 1),
        "length_bonus": LengthBonus(VOCAB),
    }
    steps = []

    class Search(BatchBeamSearch):
        def _best_of_candidates(self, *arguments):
            best = None if over_all else super()._best_of_candidates(*arguments)
            steps.append(best is not None)
            return best

    search = Search(scorers, weights, beam_size, VOCAB, VOCAB - 1, VOCAB - 1, **options)
    search.candidates_only = candidates_only
    nbest = search(np.zeros((len(tables["ctc"]), 2), np.float32), maxlenratio)
    return [(hyp.yseq.tolist(), hyp.score, dict(hyp.scores)) for hyp in nbest], sum(steps)


WEIGHTS = [
    {"decoder": 0.7, "ctc": 0.3},
    {"decoder": 0.5, "ctc": 0.5, "lm": 0.4, "length_bonus": 0.3},
    {"decoder": 0.5, "ctc": 0.5, "lm": -0.4},
    {"decoder": 0.7, "ctc": -0.3},
]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(2, 12),
    weights=st.sampled_from(WEIGHTS),
    ratio=st.sampled_from([0.5, 1.0, 1.5, 2.0]),
    key=st.sampled_from(["full", "decoder"]),
    only=st.booleans(),
    impossible=st.sets(st.integers(1, VOCAB - 2), max_size=9),
)
def test_other_tokens_are_never_better(seed, frames, weights, ratio, key, only, impossible):
    """With few frames, and tokens that CTC rules out, there are steps with fewer possible candidates than the beam."""
    tables = random_tables(seed, VOCAB, frames)
    tables["ctc"][:, list(impossible)] = -np.inf
    options = {"pre_beam_ratio": ratio, "pre_beam_score_key": key, "maxlenratio": -8, "candidates_only": only}
    (some, _), (every, _) = (decode(tables, weights, over_all, **options) for over_all in (False, True))
    assert some == every


def test_candidates_are_enough_where_speech_is():
    _, steps = decode(random_tables(0, VOCAB, 40), WEIGHTS[0], False, maxlenratio=-6, pre_beam_score_key="full")
    assert steps == 6


@pytest.mark.parametrize("table", ["decoder_context", "ctc"])
def test_a_score_that_is_not_a_number_leaves_the_comparison_to_all(table):
    tables = random_tables(0, VOCAB, 20)
    tables[table][:, 3] = np.nan
    try:
        _, steps = decode(tables, WEIGHTS[0], False, maxlenratio=-3, pre_beam_score_key="full")
    except ValueError as error:
        assert "expected scores that are numbers" in str(error)
    else:
        assert not steps
