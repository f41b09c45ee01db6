"""Mask-CTC's rounds against upstream's texts, and at the edges of its options."""

import numpy as np
import pytest
from search_tables import CASES, golden_tables

from espnet.nets.mask_ctc import MaskCTC

CASE = CASES["mask_ctc"]


def table_mlm(left, right):
    """Scores that depend on a place and the tokens beside it; the mask reads as the blank, and scores 0 itself."""

    def scores(tokens, x):
        known = np.concatenate([[-1], tokens % len(left), [-1]])
        near = left[known[:-2]] + right[known[2:]] + 0.01 * np.arange(len(tokens))[:, None]
        return np.pad(near, ((0, 0), (0, 1)))

    return scores


@pytest.mark.parametrize("case", CASE, ids=lambda case: str(case["options"]))
def test_texts_equal_upstreams(case):
    for tables, expected in zip(golden_tables(), case["text"], strict=True):
        frames, vocab = tables["ctc"].shape
        scores = table_mlm(tables["decoder_bigram"], tables["lm_bigram"])
        search = MaskCTC(lambda x, log_p=tables["ctc"]: log_p, scores, vocab, 0, *case["options"])
        (found,) = search(np.zeros((frames, 2)), 0.5, 0.1)
        assert found.yseq.tolist() == expected
        assert found.score == 0


@pytest.mark.parametrize(
    ("n_iterations", "left_open"),
    [(0, [7, 6, 5, 4, 3, 2, 1]), (3, [7, 5, 3]), (2, [7, 4]), (1, [7]), (7, [7, 6, 5, 4, 3, 2, 1])],
)
def test_every_round_fills_as_many_but_the_last_that_fills_the_rest(n_iterations, left_open):
    asked = []

    def scores(tokens, x):
        asked.append(np.count_nonzero(tokens == 9))
        return np.tile(np.arange(10.0)[::-1], (len(tokens), 1))

    log_p = np.log(np.full((7, 9), 0.05) + 0.55 * np.eye(9)[1:8])
    (found,) = MaskCTC(lambda x: log_p, scores, 9, 0, n_iterations)(np.zeros((7, 2)))
    assert asked == left_open
    assert found.yseq.tolist() == [9, *[0] * 7, 9]


@pytest.mark.parametrize("best", [[], [0, 0, 0]])
def test_nothing_said_is_an_empty_text(best):
    log_p = np.log(np.full((len(best), 3), 0.1) + 0.7 * np.eye(3)[best].reshape(-1, 3))
    (found,) = MaskCTC(lambda x: log_p, None, 3)(np.zeros((len(best), 2)))
    assert found.yseq.tolist() == [3, 3]
