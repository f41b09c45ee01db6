"""Random parts of the utterances of a batch, on which adversarial training of samples works."""

from __future__ import annotations

import torch
from torch import Tensor


def get_random_segments(x: Tensor, x_lengths: Tensor, segment_size: int) -> tuple[Tensor, Tensor]:
    """Draw a part of each utterance.

    Args:
        x: (B, C, T).
        x_lengths: (B,) valid steps of each.
        segment_size: steps of a part; utterances that are shorter are read from their start.

    Returns:
        Parts (B, C, segment_size), and where each starts (B,) int64.
    """
    last = (x_lengths - segment_size).clamp(min=0)
    starts = (torch.rand(len(x), device=x.device) * last).long()
    return get_segments(x, starts, segment_size), starts


def get_segments(x: Tensor, start_idxs: Tensor, segment_size: int) -> Tensor:
    """Parts (B, C, segment_size) of x (B, C, T) that start at the given steps (B,)."""
    steps = start_idxs[:, None] + torch.arange(segment_size, device=x.device)
    return x.gather(2, steps[:, None].expand(-1, x.shape[1], -1))
