"""Odds of CTC prefixes against the same in logarithms, over utterances that are longer than the range of floats."""

import numpy as np
import pytest

from espnet.nets.ctc_prefix_odds import Odds
from espnet.nets.ctc_prefix_score import LOG_ZERO, CTCPrefixScore

BLANK = 0


def spoken(rng, tokens, vocab, peak, every=5):
    """Log-probabilities (T, V) as trained outputs have them: blanks, and each token in one of `every` frames."""
    x = rng.normal(size=(every * len(tokens), vocab))
    x[:, BLANK] += peak
    x[np.arange(len(tokens)) * every + rng.integers(0, every, len(tokens)), tokens] += 2 * peak
    return (x - np.log(np.exp(x).sum(-1, keepdims=True))).astype(np.float32)


def scores_along(x, text, rng, follow, hypotheses=5):
    """Scores of candidates and of the end along prefixes that follow `text` with a probability, and the calls of them
    that `Odds` answered."""
    utterance, eos = CTCPrefixScore(x, BLANK, x.shape[1] - 1), x.shape[1] - 1
    states, ys, found, by_odds = [utterance.initial_state()], np.array([[eos]]), [], 0
    for token in text:
        ids = rng.integers(0, eos, size=(len(ys), 7))
        ids[:, 0], ids[:, 1] = token, ys[:, -1]
        scored = utterance(ys, ids, states)
        by_odds += isinstance(scored.starts, Odds)
        found.append(np.column_stack([scored.psi, scored.end]))
        rows, columns = rng.integers(0, len(ys), hypotheses), rng.integers(0, 7, hypotheses)
        columns[rng.random(hypotheses) < follow] = 0
        states = [
            scored.select(row, token) for row, token in zip(rows.tolist(), ids[rows, columns].tolist(), strict=True)
        ]
        ys = np.column_stack([ys[rows], ids[rows, columns]])
    return found, by_odds


@pytest.mark.parametrize(
    ("length", "peak", "follow"), [(300, 12, 1.0), (60, 12, 0.5), (60, 6, 0.0), (60, 30, 0.8), (20, 1, 0.5)]
)
def test_odds_are_logarithms(monkeypatch, length, peak, follow):
    found = []
    for least_blank in (-100.0, np.inf):
        monkeypatch.setattr("espnet.nets.ctc_prefix_score.LEAST_BLANK", least_blank)
        rng = np.random.default_rng(length + peak)
        text = rng.integers(1, 29, length)
        x = spoken(rng, text, 30, peak)
        scores, by_odds = scores_along(x, text, rng, follow)
        assert by_odds == (length if least_blank < 0 else 0)
        found.append(np.concatenate(scores))
    odds, logarithms = found
    assert ((odds == LOG_ZERO) == (logarithms == LOG_ZERO)).all()
    np.testing.assert_allclose(odds, logarithms, rtol=0, atol=1e-9)


@pytest.mark.parametrize("scale", [40.0, 200.0])
def test_what_floats_cannot_hold_is_left_to_logarithms(monkeypatch, scale):
    found = []
    for least_blank in (-100.0, np.inf):
        monkeypatch.setattr("espnet.nets.ctc_prefix_score.LEAST_BLANK", least_blank)
        rng = np.random.default_rng(0)
        text = rng.integers(1, 9, 20)
        x = spoken(rng, text, 10, 5) * np.float32(scale)
        scores, by_odds = scores_along(x, text, rng, 0.5)
        assert by_odds <= 1
        found.append(np.concatenate(scores))
    np.testing.assert_allclose(*found, atol=1e-9)
