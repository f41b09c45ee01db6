"""The most probable alignment of a text that is known."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_tables import log_softmax

from espnet.nets import ctc_alignment
from espnet.nets.ctc_alignment import SETTLED, CTCAligner, align
from espnet.nets.ctc_greedy import greedy_text


class Posteriors:
    """A CTC layer whose encoder output is its log-probabilities already."""

    def log_softmax(self, x):
        return x


def random_log_probs(seed: int, frames: int, vocab: int) -> np.ndarray:
    return log_softmax(np.random.default_rng(seed).normal(size=(frames, vocab)) * 3)


def score_of(log_probs, tokens, frames, blank) -> float:
    path = np.full(len(log_probs), blank)
    for token, (start, end) in zip(tokens, frames, strict=True):
        path[start:end] = token
    return log_probs[np.arange(len(path)), path].sum()


def best_by_trying(log_probs, tokens, blank) -> float | None:
    """The highest log-probability of the V ** T paths that say `tokens`; None where none does."""
    paths = itertools.product(range(log_probs.shape[1]), repeat=len(log_probs))
    said = (path for path in paths if [t for t, _ in itertools.groupby(path) if t != blank] == tokens)
    return max((log_probs[np.arange(len(path)), path].sum() for path in said), default=None)


@given(st.integers(0, 1000), st.integers(1, 6), st.lists(st.integers(0, 1), max_size=5), st.integers(0, 2))
def test_no_path_that_says_the_text_is_better(seed, frames, choices, blank):
    tokens = [[token for token in range(3) if token != blank][choice] for choice in choices]
    log_probs = random_log_probs(seed, frames, 3)
    found = align(log_probs, tokens, blank)
    best = best_by_trying(log_probs, tokens, blank)
    if best is None or not tokens:
        assert found == []
        return
    assert all(0 <= start < end for start, end in found) and found[-1][1] <= frames
    for (token, (_, end)), (follower, (start, _)) in itertools.pairwise(zip(tokens, found, strict=True)):
        assert start - end >= (token == follower)
    assert score_of(log_probs, tokens, found, blank) == pytest.approx(best)


@given(st.integers(0, 1000), st.integers(1, 40))
def test_the_text_of_the_best_path_has_its_frames(seed, frames):
    log_probs = random_log_probs(seed, frames, 4)
    greedy = greedy_text(log_probs)
    assert align(log_probs, greedy.tokens) == list(zip(greedy.start.tolist(), greedy.end.tolist(), strict=True))


@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 7))
def test_long_texts_are_aligned_block_by_block(seed, frames, size):
    log_probs = random_log_probs(seed, frames, 4)
    tokens = np.random.default_rng(seed).integers(1, 4, frames // 3)
    whole = align(log_probs, tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctc_alignment, "BLOCK", size)
        assert align(log_probs, tokens) == whole


def test_impossible_tokens_have_frames_too():
    log_probs = random_log_probs(0, 9, 4)
    log_probs[:, 2] = -np.inf
    assert len(align(log_probs, [1, 2, 3])) == 3


@given(st.integers(0, 1000), st.lists(st.integers(0, 7), max_size=8))
def test_pieces_are_aligned_as_a_whole(seed, pieces):
    log_probs = random_log_probs(seed, sum(pieces), 4)
    tokens = greedy_text(log_probs).tokens
    aligner = CTCAligner(Posteriors())
    for _ in range(2):
        for piece in np.split(log_probs, np.cumsum(pieces)):
            aligner.extend(piece)
        assert aligner(tokens) == align(log_probs, tokens)
        aligner.reset()


def test_a_text_that_grows_keeps_frames_of_long_ago():
    log_probs = random_log_probs(1, 3 * SETTLED, 4)
    aligner, text = CTCAligner(Posteriors()), greedy_text(log_probs)
    expected = list(zip(text.start.tolist(), text.end.tolist(), strict=True))
    for end in range(50, len(log_probs) + 1, 50):
        aligner.extend(log_probs[end - 50 : end])
        so_far = [(begin, min(stop, end)) for begin, stop in expected if begin < end]
        assert aligner(text.tokens[: len(so_far)], is_final=False) == so_far
    # The first token is another one: nothing of what was found holds.
    other = np.append(text.tokens[0] % 3 + 1, text.tokens[1:])
    assert aligner(other, is_final=False) == aligner(other)
