"""The largest values of a row, and of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet.nets.ranking import top_k, top_k_of_rows


def expected(values, k):
    return sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=200), st.integers(1, 40))
def test_top_k_is_stable(values, k):
    assert top_k(np.array(values, np.float64), k).tolist() == expected(values, k)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rows", "width", "k"), [(1, 40, 3), (7, 5000, 15), (3, 33, 40), (20, 400, 25)])
def test_top_k_of_rows(dtype, rows, width, k):
    values = np.random.default_rng(k).normal(size=(rows, width)).astype(dtype).round(1)
    values[0, ::2] = -np.inf
    assert top_k_of_rows(values, k).tolist() == [expected(row.tolist(), k) for row in values]


def test_a_row_of_what_are_no_numbers_is_refused():
    values = np.zeros((3, 8))
    values[1, 1:] = np.nan
    with pytest.raises(ValueError, match="expected scores that are numbers, found NaN in 7 of 8"):
        top_k_of_rows(values, 8)
