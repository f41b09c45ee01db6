"""Gated feed-forward layer over each label and the one before it (Peng et al. 2023, "channel mixing")."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FeedForward(nn.Module):
    """Two linear layers around a squared ReLU, times a gate.

    Args:
        size: D.
        hidden_size: between the layers.
        block_id: index of the block, from 0.
        num_blocks: blocks of the decoder.
    """

    def __init__(self, size: int, hidden_size: int, block_id: int, num_blocks: int):
        super().__init__()
        share = (torch.arange(size) / size).view(1, 1, size) ** (1 - block_id / num_blocks)
        self.time_mix_key = nn.Parameter(share.clone())
        self.time_mix_receptance = nn.Parameter(share.clone())
        self.proj_key = nn.Linear(size, hidden_size)
        self.proj_value = nn.Linear(hidden_size, size)
        self.proj_receptance = nn.Linear(size, size)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """x (..., D) and the label before each, (..., D) → (..., D)."""
        key = self.proj_key(torch.lerp(before, x, self.time_mix_key[0]))
        gate = self.proj_receptance(torch.lerp(before, x, self.time_mix_receptance[0])).sigmoid()
        return gate * self.proj_value(key.relu().square())
