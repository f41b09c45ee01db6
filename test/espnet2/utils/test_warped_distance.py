"""Distance of sequences of different speed, against a plain computation."""

import numpy as np
import pytest

from espnet2.utils.warped_distance import warped_distance


def plain(expected, found) -> float:
    """The same by its definition, pair by pair."""
    best = {(-1, -1): (0.0, 0)}
    for row, one in enumerate(expected):
        for column, other in enumerate(found):
            before = [(row - 1, column - 1), (row - 1, column), (row, column - 1)]
            total, steps = min((best[pair] for pair in before if pair in best), key=lambda pair: pair[0])
            best[row, column] = total + float(np.abs(one - other).mean()), steps + 1
    total, steps = best[len(expected) - 1, len(found) - 1]
    return total / steps / float(np.abs(expected - expected.mean(axis=0)).mean())


@pytest.mark.parametrize(("rows", "columns"), [(1, 4), (5, 1), (7, 7), (9, 4), (3, 11)])
def test_definition(rows, columns):
    rng = np.random.default_rng(rows)
    expected, found = rng.standard_normal((rows, 3)), rng.standard_normal((columns, 3))
    if rows > 1:
        assert warped_distance(expected, found) == pytest.approx(plain(expected, found))


def test_equal_slow_and_other_sequences():
    rng = np.random.default_rng(0)
    expected = rng.standard_normal((40, 8))
    assert warped_distance(expected, expected) == 0
    assert warped_distance(expected, np.repeat(expected, 2, axis=0)) == 0
    assert warped_distance(expected, expected + 0.01) == pytest.approx(0.0125, rel=0.1)
    assert warped_distance(expected, rng.standard_normal((40, 8))) > 0.7
    assert warped_distance(np.ones((3, 2)), np.ones((3, 2)) * 2) == np.inf
