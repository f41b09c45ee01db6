"""Multi-headed attention: masks, relative positions, lengths."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet.nets.pytorch_backend.transformer.attention import (
    LegacyRelPositionMultiHeadedAttention,
    MultiHeadedAttention,
    RelPositionMultiHeadedAttention,
)
from espnet.nets.pytorch_backend.transformer.embedding import LegacyRelPositionalEncoding, RelPositionalEncoding
from espnet.nets.pytorch_backend.transformer.mask import attention_bias

HEADS, SIZE = 2, 8
VARIANTS = {
    "plain": (MultiHeadedAttention, {}, None),
    "qk_norm": (MultiHeadedAttention, {"qk_norm": True}, None),
    "relative": (RelPositionMultiHeadedAttention, {}, RelPositionalEncoding),
    "relative, lower triangle": (RelPositionMultiHeadedAttention, {"zero_triu": True}, RelPositionalEncoding),
    "legacy": (LegacyRelPositionMultiHeadedAttention, {}, LegacyRelPositionalEncoding),
    "legacy, lower triangle": (LegacyRelPositionMultiHeadedAttention, {"zero_triu": True}, LegacyRelPositionalEncoding),
}
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def _attention(variant: str):
    """A module and a function that makes what it wants to know of positions from x."""
    make, options, encoding = VARIANTS[variant]
    torch.manual_seed(0)
    module = make(HEADS, SIZE, 0.0, **options).eval()
    if encoding is None:
        return module, lambda x: None
    return module, lambda x: encoding(SIZE, 0.0)(x)[1]


@each_variant
def test_padded_utterances_get_what_they_get_alone(variant):
    module, positions = _attention(variant)
    lengths = torch.tensor([7, 1, 4])
    x = torch.randn(3, 7, SIZE)
    together = module.attend_self(x, make_non_pad_mask(lengths).unsqueeze(1), positions(x))
    for row, out, length in zip(x, together, lengths, strict=True):
        alone = row[None, :length]
        torch.testing.assert_close(out[:length], module.attend_self(alone, None, positions(alone))[0])


@each_variant
def test_rows_that_see_nothing_get_zeros(variant):
    module, positions = _attention(variant)
    x = torch.randn(2, 5, SIZE)
    mask = torch.ones(2, 5, 5, dtype=torch.bool)
    mask[0] = False
    mask[1, 3] = False
    out = module.attend_self(x, mask, positions(x)) - module.linear_out.bias
    empty = (out.abs().amax(-1) < 1e-6).tolist()
    assert empty == [[True] * 5, [False, False, False, True, False]]


@each_variant
def test_bias_and_mask_are_the_same(variant):
    module, positions = _attention(variant)
    x, mask = torch.randn(2, 5, SIZE), make_non_pad_mask([5, 3]).unsqueeze(1)
    given_mask, given_bias = (module.attend_self(x, m, positions(x)) for m in (mask, attention_bias(mask)))
    assert torch.equal(given_mask, given_bias)


def test_one_memory_for_all_rows_is_projected_once():
    module, _ = _attention("plain")
    query, memory = torch.randn(3, 4, SIZE), torch.randn(1, 6, SIZE).expand(3, -1, -1)
    expected = module(query, memory, memory, None)
    torch.testing.assert_close(module(query, memory, memory, None, expand_kv=True), expected)


def test_heads_have_to_divide_the_features():
    with pytest.raises(ValueError, match="9 features cannot be divided among 2 attention heads"):
        MultiHeadedAttention(2, 9, 0.0)


@given(st.integers(1, 9))
def test_shift_finds_the_score_of_each_relative_position(frames):
    module = RelPositionMultiHeadedAttention(1, SIZE, 0.0)
    # Row i holds 1000 i + r in the column of relative position r, T in the first.
    rows, positions = torch.arange(frames).unsqueeze(-1), frames - torch.arange(2 * frames)
    shifted = module.rel_shift((1000 * rows + positions).view(1, 1, frames, 2 * frames))
    i, j = torch.arange(frames).unsqueeze(-1), torch.arange(frames)
    assert torch.equal(shifted[0, 0], 1000 * i + (i - j))


@given(st.integers(1, 9), st.data())
def test_legacy_shift_reads_on_in_the_next_row(frames, data):
    lengths = data.draw(st.lists(st.integers(1, frames), min_size=1, max_size=3))
    x = torch.randn(len(lengths), 2, frames, frames)
    shifted = LegacyRelPositionMultiHeadedAttention(1, SIZE, 0.0).rel_shift(x, torch.tensor(lengths).unsqueeze(-1))
    for scores, found, length in zip(x, shifted, lengths, strict=True):
        for i in range(length):
            expected = [*scores[:, i, length - 1 - i : length].T, torch.zeros(2)]
            expected += list(scores[:, i + 1, : length - i].T) if i + 1 < length else []
            assert torch.equal(found[:, i, :length], torch.stack(expected[:length], dim=1))


def test_relative_attention_equals_the_paper():
    """Dai et al. 2019, appendix B, with a loop over queries and keys."""
    module, positions = _attention("relative")
    frames, size = 5, SIZE // HEADS
    x = torch.randn(1, frames, SIZE)
    q = module.project_query(x)[0]
    k, v = (memory[0] for memory in module.project_memory(x, x))
    r = module.linear_pos(positions(x))[0].view(2 * frames - 1, HEADS, size)
    heads = []
    for h in range(HEADS):
        scores = torch.stack([
            torch.stack([
                (q[h, i] + module.pos_bias_u[h]) @ k[h, j]
                + (q[h, i] + module.pos_bias_v[h]) @ r[frames - 1 - (i - j), h]
                for j in range(frames)
            ])
            for i in range(frames)
        ])  # fmt: skip
        heads.append((scores / math.sqrt(size)).softmax(-1) @ v[h])
    expected = module.linear_out(torch.cat(heads, dim=-1))
    torch.testing.assert_close(module.attend_self(x, None, positions(x))[0], expected)
