"""Mask-CTC's rounds against upstream's texts, and at the edges of its options."""

import numpy as np
import pytest
from numpy_graphs import Graph
from search_tables import CASES, golden_tables

from espnet.nets.mask_ctc import MaskCTC
from espnet2.interface.spec import Component, Tensor

CASE = CASES["mask_ctc"]


class CTC:
    """An output layer whose log-probabilities (T, V) are known."""

    def __init__(self, log_p):
        self.log_p = log_p

    def log_softmax(self, x):
        return self.log_p[None]


def mlm(scores):
    """The graph of a masked language model whose `scores` are a function of tokens (U,)."""
    inputs = (
        Tensor("tokens", ("batch", "tokens"), "int64"),
        Tensor("token_lengths", ("batch",), "int64", length_of="tokens"),
        Tensor("encoder_out", ("batch", "frames", 2)),
        Tensor("encoder_out_lens", ("batch",), "int64", length_of="frames"),
    )
    component = Component("mlm", "scores", inputs, (Tensor("scores", ("batch", "tokens", 1)),))

    def of_batch(tokens, token_lengths, x, lengths):
        assert (token_lengths, lengths) == (tokens.shape[1], x.shape[1])
        return (scores(tokens[0])[None],)

    return Graph(component, of_batch)


def table_mlm(left, right):
    """Scores that depend on a place and the tokens beside it; the mask reads as the blank, and scores 0 itself."""

    def scores(tokens):
        known = np.concatenate([[-1], tokens % len(left), [-1]])
        near = left[known[:-2]] + right[known[2:]] + 0.01 * np.arange(len(tokens))[:, None]
        return np.pad(near, ((0, 0), (0, 1)))

    return scores


@pytest.mark.parametrize("case", CASE, ids=lambda case: str(case["options"]))
def test_texts_equal_upstreams(case):
    for tables, expected in zip(golden_tables(), case["text"], strict=True):
        frames, vocab = tables["ctc"].shape
        scores = table_mlm(tables["decoder_bigram"], tables["lm_bigram"])
        search = MaskCTC(CTC(tables["ctc"]), mlm(scores), vocab, 0, *case["options"])
        (found,) = search(np.zeros((frames, 2)), 0.5, 0.1)
        assert found.yseq.tolist() == expected
        assert found.score == 0


@pytest.mark.parametrize(
    ("n_iterations", "left_open"),
    [(0, [7, 6, 5, 4, 3, 2, 1]), (3, [7, 5, 3]), (2, [7, 4]), (1, [7]), (7, [7, 6, 5, 4, 3, 2, 1])],
)
def test_every_round_fills_as_many_but_the_last_that_fills_the_rest(n_iterations, left_open):
    asked = []

    def scores(tokens):
        asked.append(np.count_nonzero(tokens == 9))
        return np.tile(np.arange(10.0)[::-1], (len(tokens), 1))

    log_p = np.log(np.full((7, 9), 0.05) + 0.55 * np.eye(9)[1:8])
    (found,) = MaskCTC(CTC(log_p), mlm(scores), 9, 0, n_iterations)(np.zeros((7, 2)))
    assert asked == left_open
    assert found.yseq.tolist() == [9, *[0] * 7, 9]


@pytest.mark.parametrize("best", [[], [0, 0, 0]])
def test_nothing_said_is_an_empty_text(best):
    log_p = np.log(np.full((len(best), 3), 0.1) + 0.7 * np.eye(3)[best].reshape(-1, 3))
    (found,) = MaskCTC(CTC(log_p), mlm(None), 3)(np.zeros((len(best), 2)))
    assert found.yseq.tolist() == [3, 3]
