"""Attention masks and biases."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet.nets.pytorch_backend.transformer.mask import attention_bias, subsequent_mask, target_mask, visible_rows


@given(st.integers(0, 8))
def test_subsequent_mask_lets_see_what_came_before(size):
    assert subsequent_mask(size).tolist() == [[key <= query for key in range(size)] for query in range(size)]


def test_subsequent_mask_has_the_dtype_asked_for():
    assert subsequent_mask(2, dtype=torch.int64).tolist() == [[1, 0], [1, 1]]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_target_mask_hides_padding_and_what_is_to_come(lengths):
    tokens = torch.nn.utils.rnn.pad_sequence([torch.ones(n, dtype=torch.int64) for n in lengths], True, -1)
    expected = [
        [[key <= query and key < length for key in range(max(lengths))] for query in range(max(lengths))]
        for length in lengths
    ]
    assert target_mask(tokens, -1).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_bias_hides_after_softmax_and_stays_finite(dtype):
    mask = torch.tensor([[[True, False]], [[False, False]]])
    bias = attention_bias(mask, dtype)
    assert bias.shape == (2, 1, 1, 2)
    assert bias.dtype == dtype
    assert torch.isfinite(bias + bias.new_tensor(-1000.0)).all()
    assert bias[0].softmax(-1).flatten().tolist() == [1, 0]
    assert visible_rows(bias).flatten().tolist() == [True, False]
