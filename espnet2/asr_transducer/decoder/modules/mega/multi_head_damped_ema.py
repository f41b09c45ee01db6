"""Multi-dimensional damped exponential moving average (Ma et al. 2022, "Mega").

Every feature is expanded to H averages, each with its own decay, which are then combined again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MultiHeadDampedEMA(nn.Module):
    """Moving average over all frames so far, followed by an activation.

    Args:
        size: D.
        num_heads: H, averages of each feature.
        activation: of the sum of the average and the frame itself.
    """

    def __init__(self, size: int, num_heads: int, activation: nn.Module):
        super().__init__()
        self.scaling = num_heads**-0.5
        self.damping_factor = nn.Parameter(0.2 * torch.randn(size, num_heads, 1))
        self.decay_factor = nn.Parameter(0.2 * torch.randn(size, num_heads, 1))
        # Averages start in pairs that cancel each other.
        signs = 1.0 - 2.0 * (torch.arange(num_heads) % 2).unsqueeze(1)
        self.ema_expansion_matrix = nn.Parameter(signs + 0.02 * torch.randn(size, num_heads, 1))
        self.kernel_projection_matrix = nn.Parameter(torch.randn(size, num_heads))
        self.residual_weight = nn.Parameter(torch.randn(size))
        self.activation = activation
        self.state_sizes: tuple[int, ...] = (size, num_heads)

    def forward(self, x: Tensor) -> Tensor:
        """(B, U, D) → (B, U, D)."""
        kernel = self._kernel(self._reach(x.shape[1])).flip(1).unsqueeze(1)
        past = nn.functional.pad(x.transpose(1, 2), (kernel.shape[2] - 1, 0))
        return self._out(nn.functional.conv1d(past, kernel, groups=kernel.shape[0]).transpose(1, 2), x)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One frame (B, D) and the averages before it (B, D, H) → (B, D), and the averages after it."""
        weight, kept = self._coefficients()
        state = kept.squeeze(2) * state + (weight * x.unsqueeze(2).unsqueeze(3)).squeeze(3)
        return self._out((state * self.kernel_projection_matrix).sum(2) * self.scaling, x), state

    def _reach(self, length: int) -> int:
        """Number of frames, up to `length`, in the average."""
        return length

    def _coefficients(self) -> tuple[Tensor, Tensor]:
        """Weights of a frame and of the previous average: (D, H, 1)."""
        damping = self.damping_factor.sigmoid()
        return damping * self.ema_expansion_matrix, 1 - damping * self.decay_factor.sigmoid()

    def _kernel(self, length: int) -> Tensor:
        """Kernel of the average: weights (D, length) of a frame and those before it."""
        weight, kept = self._coefficients()
        powers = kept ** torch.arange(length, device=kept.device)
        return (weight * powers * self.kernel_projection_matrix.unsqueeze(2)).sum(1) * self.scaling

    def _out(self, average: Tensor, x: Tensor) -> Tensor:
        return self.activation(average + x * self.residual_weight)


class TruncatedDampedEMA(MultiHeadDampedEMA):
    """Moving average over the last frames only.

    Args:
        truncation_length: L, number of these frames.
        others: see the base class.
    """

    def __init__(self, size: int, num_heads: int, activation: nn.Module, truncation_length: int):
        super().__init__(size, num_heads, activation)
        self.truncation_length = truncation_length
        self.state_sizes = (truncation_length, size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One frame (B, D) and the frames before it (B, L, D) → (B, D), and the frames up to it."""
        state = torch.cat([state[:, 1:], x.unsqueeze(1)], dim=1)
        kernel = self._kernel(self.truncation_length).flip(1)
        return self._out((state * kernel.transpose(0, 1)).sum(1), x), state

    def _reach(self, length: int) -> int:
        return min(length, self.truncation_length)
