"""Masks of attention: hidden keys have no weight, and no influence."""

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.attention import (
    LegacyRelPositionMultiHeadedAttention,
    MultiHeadedAttention,
    RelPositionMultiHeadedAttention,
)

FRAMES, SIZE = 9, 16
POSITIONS = {
    MultiHeadedAttention: 0,
    LegacyRelPositionMultiHeadedAttention: FRAMES,
    RelPositionMultiHeadedAttention: 2 * FRAMES - 1,
}


@pytest.fixture(params=POSITIONS, ids=lambda kind: kind.__name__)
def attend(request):
    """Return an attention and a function from x (B, T, D) and a mask to its result."""
    torch.manual_seed(0)
    attention = request.param(4, SIZE, 0.0).eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    positions = POSITIONS[request.param]
    more = [torch.randn(1, positions, SIZE)] if positions else []
    return attention, lambda x, mask: attention(x, x, x, *more, mask)


def padding_mask(*lengths):
    return (torch.arange(FRAMES) < torch.tensor(lengths).unsqueeze(1)).unsqueeze(1)


def test_hidden_keys_have_no_weight(attend):
    attention, call = attend
    mask = padding_mask(FRAMES, 4)
    call(torch.randn(2, FRAMES, SIZE), mask)
    weights = attention.attn
    assert torch.all(weights[1, :, :, 4:] == 0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, FRAMES))


def test_hidden_keys_have_no_influence(attend):
    _, call = attend
    x, mask = torch.randn(2, FRAMES, SIZE), padding_mask(FRAMES, 4)
    other = x.clone()
    other[1, 4:] = 100.0
    assert torch.equal(call(x, mask)[1, :4], call(other, mask)[1, :4])


def test_queries_without_a_key_have_zero_weights(attend):
    attention, call = attend
    result = call(torch.randn(2, FRAMES, SIZE), padding_mask(FRAMES, 0))
    assert torch.all(attention.attn[1] == 0)
    expected = attention.linear_out.bias.expand(FRAMES, SIZE)
    torch.testing.assert_close(result[1], expected)


def test_a_mask_that_hides_nothing_is_no_mask(attend):
    _, call = attend
    x = torch.randn(2, FRAMES, SIZE)
    assert torch.equal(call(x, padding_mask(FRAMES, FRAMES)), call(x, None))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_zero_is_hidden_whatever_the_type(attend, dtype):
    _, call = attend
    x, mask = torch.randn(2, FRAMES, SIZE), padding_mask(FRAMES, 4)
    assert torch.equal(call(x, mask.to(dtype)), call(x, mask))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions_have_no_nan(dtype):
    attention = MultiHeadedAttention(4, SIZE, 0.0).to(dtype).eval()
    x = torch.randn(2, FRAMES, SIZE, dtype=dtype)
    assert torch.all(torch.isfinite(attention(x, x, x, padding_mask(4, 0))))
