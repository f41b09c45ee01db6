"""Joins of overlapping texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet2.runtime.seams import Said, by_run, by_time, seam, within

TOKENS = st.lists(st.integers(2, 4), max_size=8)


@given(TOKENS, TOKENS)
def test_by_the_longest_run(left, right):
    kept, skipped = by_run(left, right)
    assert 0 <= kept <= len(left)
    assert 0 <= skipped <= len(right)
    if not set(left) & set(right):
        assert (kept, skipped) == (len(left), 0)
    if left == right:
        assert left[:kept] + right[skipped:] == left


@pytest.mark.parametrize(
    ("starts", "others", "middle", "expected"),
    [
        ((0, 10, 20, 30), (10, 20, 30, 40), 20, (2, 1)),
        ((0, 10, 20, 30), (11, 22, 29, 40), 30, (3, 2)),
        ((0, 10, 20, 30), (15, 25, 35, 45), 20, (2, 1)),  # none at the same place
        ((), (), 20, (0, 0)),
    ],
)
def test_by_time(starts, others, middle, expected):
    words = [5, 6, 7, 8, 9]
    assert by_time(words[: len(starts)], words[1:][: len(others)], starts, others, middle, near=3) == expected


@given(st.lists(st.tuples(st.integers(2, 4), st.integers(1, 9)), max_size=12), st.data())
def test_a_text_joined_with_itself_is_that_text(text, data):
    starts = [sum(gap for _, gap in text[: place + 1]) for place in range(len(text))]
    tokens = [token for token, _ in text]
    end = data.draw(st.integers(0, len(text)))
    begin = data.draw(st.integers(0, end))
    middle = data.draw(st.integers(starts[begin], starts[end - 1])) if begin < end else 0
    left = [Said(token, (start, start + 1)) for token, start in zip(tokens[:end], starts, strict=False)]
    right = [Said(token, (start, start + 1)) for token, start in zip(tokens[begin:], starts[begin:], strict=True)]
    if begin == end:
        return
    kept, skipped = seam(left, right, middle, near=0, lead=0.0)
    assert [one.token for one in left[:kept] + right[skipped:]] == tokens


def test_without_times():
    left, right = [Said(2), Said(3), Said(4)], [Said(3, (4, 5)), Said(4, (6, 7)), Said(2, (8, 9))]
    assert seam(left, right, middle=5, near=3, lead=0.3) == (2, 1)


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (10, 4), (100, 40)])
def test_tokens_that_may_be_shared(count, expected):
    assert within(count, shared=20, length=100) == expected
