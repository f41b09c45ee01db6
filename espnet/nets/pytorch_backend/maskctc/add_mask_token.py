"""Masked texts, which a conditional masked language model learns to fill in (Ghazvininejad et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor


def mask_uniform(ys_pad: Tensor, mask_token: int, eos: int, ignore_id: int) -> tuple[Tensor, Tensor]:
    """Mask tokens at random places, as many as drawn from 1 to a text's length; a place may be drawn repeatedly.

    Args:
        ys_pad: (B, U) int64 texts, padded by `ignore_id`.
        mask_token: stands for a masked token.
        eos: replacement of padding.
        ignore_id: replacement of tokens that are not masked, in the second result.

    Returns:
        Texts with masks (B, U), and the masked tokens alone (B, U).
    """
    known = ys_pad != ignore_id
    lengths = known.sum(dim=1, keepdim=True)
    numbers = (torch.rand(lengths.shape, device=ys_pad.device) * lengths).long() + 1
    places = (torch.rand(ys_pad.shape, device=ys_pad.device) * lengths).long()
    drawn = torch.arange(ys_pad.shape[1], device=ys_pad.device) < numbers
    masked = torch.zeros_like(ys_pad).scatter_add(1, places, drawn.long()).bool() & known
    return ys_pad.masked_fill(~known, eos).masked_fill(masked, mask_token), ys_pad.masked_fill(~masked, ignore_id)
