"""CTC prefix scores against upstream's, against brute force, and against the laws of probability."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet.nets.ctc_prefix_score import LOG_ZERO, CTCPrefixScore
from espnet.nets.scorers.ctc import CTCPrefixScorer

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "search" / "prefix.npz")
BLANK = 0


class Posteriors:
    def __init__(self, log_p):
        self.log_p = log_p

    def log_softmax(self, x):
        return self.log_p[None]


def random_log_p(seed, frames, vocab, scale=2.0, ends=True):
    """Random posteriors (T, V); without `ends` the end symbol, which is no label, is never emitted."""
    x = np.random.default_rng(seed).normal(size=(frames, vocab)) * scale
    x[:, -1] += 0.0 if ends else -1e4
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def score_along(x, ys, ids=None):
    """Scores (U - 1, H, V) met along the prefixes ys (H, U)."""
    scorer = CTCPrefixScorer(Posteriors(x), eos=x.shape[1] - 1)
    states, scores = [scorer.batch_init_state(x)] * len(ys), []
    for step in range(1, ys.shape[1]):
        given = None if ids is None else ids[step - 1]
        found, batch = scorer.batch_score_partial(ys[:, :step], given, states, None)
        states = [scorer.select_state(batch, h, int(ys[h, step])) for h in range(len(ys))]
        scores.append(found)
    return np.stack(scores)


@pytest.mark.parametrize("frames", [1, 5, 40, 1500])
def test_scores_equal_upstreams(frames):
    x, ys, expected = (GOLDEN[f"{frames}_{name}"] for name in ("x", "ys", "scores"))
    scores = score_along(x, ys)
    possible = expected > -1e9
    np.testing.assert_allclose(scores[possible], expected[possible], atol=1e-3, rtol=1e-6)  # float32 there
    assert (scores[~possible] < -1e9).all()


def path_probabilities(x):
    """Probability of every label sequence, by summing over all paths."""
    frames, vocab = x.shape
    sums: dict[tuple, float] = {}
    for path in itertools.product(range(vocab), repeat=frames):
        labels = tuple(label for label, _ in itertools.groupby(path) if label != BLANK)
        sums[labels] = sums.get(labels, 0.0) + float(np.exp(sum(x[t, c] for t, c in enumerate(path))))
    return sums


def psi(x, prefix):
    """log psi (V,) of the continuations of a prefix of labels."""
    eos = x.shape[1] - 1
    ys = np.array([[eos, *prefix]])
    utterance = CTCPrefixScore(x, BLANK, eos)
    state = utterance.initial_state()
    for step in range(1, ys.shape[1]):
        state = utterance(ys[:, :step], None, [state]).select(0, int(ys[0, step]))
    return utterance(ys, None, [state]).log_psi[0]


@pytest.mark.parametrize("prefix", [(), (1,), (1, 1), (1, 2), (2, 1, 2), (1, 1, 1)])
def test_scores_equal_sums_over_all_paths(prefix):
    x = random_log_p(3, frames=5, vocab=4, ends=False)
    paths, scores = path_probabilities(x), np.exp(psi(x, prefix))
    for token in (1, 2):
        longer = (*prefix, token)
        expected = sum(p for labels, p in paths.items() if labels[: len(longer)] == longer)
        assert scores[token] == pytest.approx(expected, abs=1e-12)
    assert scores[3] == pytest.approx(paths.get(prefix, 0.0), abs=1e-12)
    assert scores[BLANK] == 0


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 30), scale=st.sampled_from([0.1, 2.0, 10.0]), data=st.data())
def test_a_prefix_ends_or_goes_on(seed, frames, scale, data):
    vocab = 6
    x = random_log_p(seed, frames, vocab, scale, ends=False)
    prefix = data.draw(st.lists(st.integers(1, vocab - 2), max_size=min(frames, 5)))
    whole = psi(x, prefix[:-1])[prefix[-1]] if prefix else 0.0
    assert np.exp(psi(x, prefix)).sum() == pytest.approx(np.exp(whole), rel=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), frames=st.integers(10, 30), scale=st.sampled_from([1.0, 5.0, 60.0, 400.0]))
def test_candidates_score_as_among_all_tokens(seed, frames, scale):
    rng = np.random.default_rng(seed)
    x = random_log_p(seed, frames, 9, min(scale, 100.0)) * max(1.0, scale / 100)
    ys = rng.integers(1, 8, size=(4, 6))
    ids = np.stack([[rng.permutation(9)[:5] for _ in range(4)] for _ in range(5)])
    ids[:, :, 0] = ys[:, 1:].T  # duplicates among candidates are harmless
    every, some = score_along(x, ys), score_along(x, ys, ids)
    chosen = np.zeros(every.shape, bool)
    np.put_along_axis(chosen, ids, True, axis=2)
    chosen[:, :, 8] = True
    np.testing.assert_allclose(some[chosen], every[chosen], rtol=1e-9, atol=1e-9)
    chosen[:, :, BLANK] = False
    assert (some[~chosen] < LOG_ZERO / 2).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), frames=st.integers(4, 60), scale=st.sampled_from([5.0, 100.0, 900.0]))
def test_scores_beyond_the_range_of_floats(seed, frames, scale):
    """Probabilities far below the smallest float64 are scored as the recursion over frames in logarithms does."""
    x = -np.abs(np.random.default_rng(seed).normal(size=(frames, 5))) * scale
    prefix = (1, 2, 2)
    np.testing.assert_allclose(psi(x, prefix)[1:], slow_psi(x, prefix)[1:], rtol=1e-9, atol=1e-6)


def slow_psi(x, prefix):
    """Algorithm 2 of Watanabe et al. 2017, frame by frame."""
    frames, vocab = x.shape
    forward = np.full((frames, 2), -np.inf)
    forward[:, 1] = np.cumsum(x[:, BLANK])
    for n, token in enumerate(prefix):
        enter = slow_enter(forward, n, n > 0 and prefix[n - 1] == token)
        grown = np.full((frames, 2), -np.inf)
        for t in range(frames):
            before = grown[t - 1] if t else np.full(2, -np.inf)
            grown[t] = np.logaddexp(before[0], enter[t]) + x[t, token], np.logaddexp(*before) + x[t, BLANK]
        forward = grown
    scores = np.full(vocab, -np.inf)
    for token in range(1, vocab - 1):
        enter = slow_enter(forward, len(prefix), bool(prefix) and prefix[-1] == token)
        scores[token] = np.logaddexp.reduce(enter + x[:, token])
    scores[-1] = np.logaddexp(*forward[-1])
    return np.maximum(scores, LOG_ZERO)


def slow_enter(forward, labels, repeated):
    reached = forward[:-1, 1] if repeated else np.logaddexp(forward[:-1, 0], forward[:-1, 1])
    return np.concatenate([[-np.inf if labels else 0.0], reached])


def test_more_tokens_than_frames_are_impossible_not_an_error():
    scores = psi(random_log_p(0, frames=2, vocab=5), (1, 2, 3, 1))
    assert (scores == LOG_ZERO).all()


def test_tokens_that_the_output_rules_out():
    x = random_log_p(0, frames=6, vocab=5)
    x[:, 2] = -np.inf
    scores = psi(x, (1,))
    assert scores[2] < -9e3
    assert np.isfinite(scores).all()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(2, 24),
    tokens=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    grown=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 24)), max_size=4),
)
def test_frames_that_come_later_are_as_good(seed, frames, tokens, grown):
    """`grown`: after how many tokens the utterance has got how many frames."""
    x = random_log_p(seed, frames, vocab=5)
    ys = np.array([[4, *tokens], [4, *tokens[::-1]]])
    whole, known = CTCPrefixScore(x, BLANK, 4), 1
    states, expected = [CTCPrefixScore(x[:1], BLANK, 4).initial_state()] * 2, [whole.initial_state()] * 2
    for length in range(1, ys.shape[1] + 1):
        last = length == ys.shape[1]
        for _, count in [(0, frames)] if last else [g for g in grown if g[0] == length - 1]:
            if known < min(count, frames):
                states = states[0].utterance.extend(x[known : min(count, frames)], states)
                known = min(count, frames)
        found, wanted = (some[0].utterance(ys[:, :length], None, some) for some in (states, expected))
        if not last:
            states, expected = ([s.select(h, int(ys[h, length])) for h in range(2)] for s in (found, wanted))
    np.testing.assert_allclose(found.log_psi, wanted.log_psi, atol=1e-9)


def test_the_frame_of_the_last_token():
    p = np.full((9, 4), 0.01)
    p[range(9), [0, 1, 0, 0, 2, 2, 0, 0, 0]] = 0.97
    utterance = CTCPrefixScore(np.log(p), BLANK, 3)
    states = [utterance.initial_state()]
    for length, (token, frame) in enumerate([(1, 1), (2, 4)], start=1):
        prefixes = utterance(np.array([[3, 1, 2]])[:, :length], None, states)
        states = [prefixes.select(0, token)]
        assert utterance.last_frame(states[0]) == frame


WINDOWS = np.load(Path(__file__).parents[2] / "golden" / "search" / "ctc_window.npz")


@pytest.mark.parametrize("margin", [3, 8, 20])
@pytest.mark.parametrize("number", range(5))
def test_windows_are_upstreams(number, margin):
    x, ys, expected = (WINDOWS[f"{number}_{name}"] for name in ("x", "ys", f"scores_{margin}"))
    scorer = CTCPrefixScorer(Posteriors(x), x.shape[1] - 1, margin)
    states = [scorer.batch_init_state(x)] * len(ys)
    for known, scores in enumerate(expected, start=1):
        found, state = scorer.batch_score_partial(ys[:, :known], None, states, np.broadcast_to(x, (len(ys), *x.shape)))
        possible = scores > LOG_ZERO / 2
        np.testing.assert_allclose(found[possible], scores[possible], atol=1e-3)
        assert (found[~possible] < LOG_ZERO / 2).all()
        if known < len(expected):
            states = [scorer.select_state(state, row, int(y[known])) for row, y in enumerate(ys)]


def test_a_window_as_wide_as_the_utterance_changes_nothing():
    x, ys = WINDOWS["2_x"], WINDOWS["2_ys"]
    everywhere, within = (CTCPrefixScorer(Posteriors(x), x.shape[1] - 1, margin) for margin in (0, 1000))
    for scorer in (everywhere, within):
        states = [scorer.batch_init_state(x)] * len(ys)
        scorer.found = []
        for known in range(1, 5):
            scores, state = scorer.batch_score_partial(ys[:, :known], None, states, None)
            states = [scorer.select_state(state, row, int(y[known])) for row, y in enumerate(ys)]
            scorer.found.append(scores)
    # Not equal, since windows are computed with logarithms, and all frames with odds.
    np.testing.assert_allclose(everywhere.found, within.found, atol=1e-9)
