"""N-gram scorers against what upstream answers for the same model."""

import sys

import numpy as np
import pytest

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search import BeamSearch
from espnet.nets.scorers.length_bonus import LengthBonus
from espnet.nets.scorers.ngram import NgramFullScorer, NgramPartScorer

ARPA = """\\data\\
ngram 1=6
ngram 2=5

\\1-grams:
-1.5\t<unk>\t0
-99\t<s>\t-0.3
-0.9\t</s>\t0
-0.5\ta\t-0.2
-0.7\tb\t-0.4
-1.1\t<sos/eos>\t-0.1

\\2-grams:
-0.2\t<s>\ta
-0.6\ta\tb
-0.3\tb\t</s>
-0.4\tb\ta
-0.15\ta\t<sos/eos>

\\end\\
"""
# End symbol, and upstream's scores after nothing, "a", "a b".
ANSWERS = {
    "<sos/eos>": [[-1.8, -0.2, -1.0, -1.8, -1.4], [-1.7, -0.7, -0.6, -1.7, -0.15], [-1.9, -0.4, -1.1, -1.9, -1.5]],
    "<eos>": [[-1.8, -0.2, -1.0, -1.8, -1.2], [-1.7, -0.7, -0.6, -1.7, -1.1], [-1.9, -0.4, -1.1, -1.9, -0.3]],
}


@pytest.fixture
def model(tmp_path):
    pytest.importorskip("kenlm")
    path = tmp_path / "lm.arpa"
    path.write_text(ARPA)
    return path


@pytest.mark.parametrize("end", ANSWERS)
def test_scores_equal_upstreams(model, end):
    tokens = ["<blank>", "a", "b", "c", end]
    full, part = NgramFullScorer(model, tokens), NgramPartScorer(model, tokens)
    full_state, part_state = full.batch_init_state(None), part.init_state(None)
    for length, expected in enumerate(ANSWERS[end], start=1):
        y = np.array([4, 1, 2])[:length]
        scores, full_states = full.batch_score(y[None], [full_state], np.zeros((1, 2, 2)))
        np.testing.assert_allclose(scores[0], expected, atol=1e-6)
        full_state = full.select_state(full_states, 0)
        scores, part_state = part.score_partial(y, np.array([3, 1]), part_state, None)
        np.testing.assert_allclose(scores, [expected[3], expected[1]], atol=1e-6)
        part_state = part.select_state(part_state, 1)


@pytest.mark.parametrize("search", [BeamSearch, BatchBeamSearch])
@pytest.mark.parametrize("scorer", [NgramFullScorer, NgramPartScorer])
def test_both_scorers_find_the_same(model, search, scorer):
    scorers = {"ngram": scorer(model, ["<blank>", "a", "b", "c", "<eos>"]), "length_bonus": LengthBonus(5)}
    best = search(scorers, {"ngram": 1.0, "length_bonus": 0.1}, 3, 5, 4, 4)(np.zeros((6, 2)))[0]
    assert best.yseq.tolist() == [4, 1, 2, 4]
    assert best.score == pytest.approx(-0.2 - 0.6 - 0.3 + 0.3)


@pytest.mark.parametrize("scorer", [NgramFullScorer, NgramPartScorer])
def test_without_kenlm(monkeypatch, scorer):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(ImportError, match=r"n-gram model lm\.bin needs the package kenlm: pip install kenlm"):
        scorer("lm.bin", ["a"])
