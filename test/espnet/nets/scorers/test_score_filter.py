"""Rules of times against tables of what upstream's scorer forbids."""

import numpy as np
import pytest

from espnet.nets.scorers.score_filter import ScoreFilter

# Tokens 0 to 15: 3 <notimestamps>, 4 to 9 times, 10 <sos>, 11 <eos>, 12 <sop>, 13 and 14 language and task.
VOCABULARY, TIMES, EOS = 16, set(range(4, 10)), 11
EVERYTHING = set(range(VOCABULARY))
FILTER = ScoreFilter(3, 4, 9, 10, EOS, VOCABULARY)
# Tokens so far, and those that may not follow.
CASES = [
    ([10, 13, 14, 3], TIMES),
    ([10, 13, 14, 3, 1], TIMES),
    ([12, 3, 1, 10, 13, 14], TIMES),
    ([10, 13, 14], EVERYTHING - TIMES),
    ([12, 1, 2, 10, 13, 14], EVERYTHING - TIMES),
    ([12, 5, 1, 7, 8, 10, 13, 14], EVERYTHING - TIMES),
    ([10, 13, 14, 5], {4, 5, EOS}),
    ([10, 13, 14, 5, 1, 2], {4, 5, EOS}),
    ([10, 13, 14, 5, 1, 7], EVERYTHING - {7, 8, 9, EOS}),
    ([10, 13, 14, 5, 5], EVERYTHING - {5, 6, 7, 8, 9, EOS}),
    ([10, 13, 14, 5, 1, 7, 7], {4, 5, 6, 7, EOS}),
    ([10, 13, 14, 5, 1, 7, 8, 1], {4, 5, 6, 7, 8, EOS}),
    ([10, 13, 14, 5, 1, 7, 1], EVERYTHING),
    ([12, 5, 1, 7, 10, 13, 14, 6], {4, 5, 6, EOS}),
    ([12, 5, 1, 10, 13, 14, 6, 1, 7], {4, 5, 6, 7, EOS}),  # times of the previous text count
]


@pytest.mark.parametrize(("tokens", "forbidden"), CASES)
def test_tokens_that_may_not_follow(tokens, forbidden):
    scores, state = FILTER.score(np.array(tokens), None, np.zeros((3, 4)))
    assert (scores.shape, scores.dtype, state) == ((VOCABULARY,), np.float32, None)
    assert set(np.flatnonzero(np.isneginf(scores))) == forbidden
    assert set(scores[~np.isneginf(scores)]) <= {0.0}


@pytest.mark.parametrize("length", {len(tokens) for tokens, _ in CASES})
def test_hypotheses_together_score_as_alone(length):
    rows = np.array([tokens for tokens, _ in CASES if len(tokens) == length])
    together, states = FILTER.batch_score(rows, [None] * len(rows), np.zeros((len(rows), 3, 4)))
    alone = [FILTER.score(row, None, np.zeros((3, 4)))[0] for row in rows]
    assert np.array_equal(together, alone)
    assert FILTER.select_state(states, len(rows) - 1) is None
