"""Attention masks, boolean (True at visible keys) or as a bias that is added to scores."""

from __future__ import annotations

import torch
from torch import Tensor


def subsequent_mask(size: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.bool) -> Tensor:
    """Mask of causal attention: (T, T), True on and below the diagonal."""
    position = torch.arange(size, device=device)
    return (position.unsqueeze(0) <= position.unsqueeze(1)).to(dtype)


def target_mask(ys_in_pad: Tensor, ignore_id: int) -> Tensor:
    """Mask of a decoder's self-attention.

    Args:
        ys_in_pad: (B, U) token ids, padded with `ignore_id`.

    Returns:
        (B, U, U) bool: the real tokens up to u are visible to token u.
    """
    return (ys_in_pad != ignore_id).unsqueeze(-2) & subsequent_mask(ys_in_pad.shape[1], ys_in_pad.device)


def attention_bias(mask: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Turn a boolean mask into a bias that is added to attention scores.

    Args:
        mask: (B, 1 or Tq, Tk) bool, True at visible keys.

    Returns:
        (B, 1, 1 or Tq, Tk): 0 where `mask` is true, elsewhere half the lowest number of `dtype`. Half, because a
        relative-position score is added to it; finite, because a row of -inf has no softmax.
    """
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min / 2).unsqueeze(1)


def visible_rows(bias: Tensor) -> Tensor:
    """Mark the queries that have a visible key: bias (..., Tq, Tk) → (..., Tq, 1) bool."""
    return bias.amax(dim=-1, keepdim=True) >= 0
