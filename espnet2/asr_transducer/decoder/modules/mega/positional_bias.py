"""Bias of attention scores for the distance between two labels (Ma et al. 2022)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LONGEST_WAVE = 10000  # labels per radian, of the slowest rotation


class RelativePositionBias(nn.Module):
    """Table of biases, one for each distance; larger distances get the last one.

    Args:
        max_positions: distances in the table, to either side.
    """

    def __init__(self, max_positions: int):
        super().__init__()
        self.max_positions = max_positions
        self.relative_position_bias = nn.Parameter(0.02 * torch.randn(2 * max_positions - 1))

    def forward(self, distances: Tensor) -> Tensor:
        """int64 distances, key minus query → the bias, of the same shape."""
        furthest = self.max_positions - 1
        return self.relative_position_bias[distances.clamp(-furthest, furthest) + furthest]


class RotaryRelativePositionBias(nn.Module):
    """Product of two learned vectors, each rotated by its position (Su et al. 2021), which depends on the distance.

    Args:
        size: of the vectors.

    Raises:
        ValueError: `size` is odd.
    """

    def __init__(self, size: int):
        super().__init__()
        if size % 2:
            raise ValueError(f"qk_size: expected an even number with rel_pos_bias_type rotary, found {size}")
        self.alpha = nn.Parameter(0.02 * torch.randn(1, size))
        self.beta = nn.Parameter(0.02 * torch.randn(1, size))
        # Checkpoints hold this entry, which is not used.
        self.register_buffer("_pe", torch.zeros(1))

    def forward(self, distances: Tensor) -> Tensor:
        """int64 distances, key minus query → the bias, of the same shape."""
        (first, second), (other_first, other_second) = self.alpha[0].chunk(2), self.beta[0].chunk(2)
        waves = torch.arange(len(first), device=distances.device) * (-math.log(LONGEST_WAVE) / len(first))
        angles = distances.unsqueeze(-1) * waves.exp()
        together = first * other_first + second * other_second
        across = second * other_first - first * other_second
        return (together * angles.cos() + across * angles.sin()).sum(-1)
