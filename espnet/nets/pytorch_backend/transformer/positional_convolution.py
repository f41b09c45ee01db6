"""Encoding of positions by a convolution (Baevski et al. 2020)."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, gelu

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.state_names import State, attach, rename, upgrade_on_load

GAINS = ("weight_g", "parametrizations.weight.original0")
DIRECTIONS = ("weight_v", "parametrizations.weight.original1")


def require_groups(option: str, size: int, groups: int) -> None:
    """Raise `ValueError` that names `option` where `size` channels cannot be divided among so many groups."""
    if groups < 1 or size % groups:
        raise ValueError(f"{option}: expected a divisor of {size}, found {groups}")


class PositionalConv(nn.Module):
    """A grouped convolution over time whose result is added as the encoding of positions.

    Its weight is a gain for each tap times a direction of length 1 (Salimans and Kingma 2016).

    Args:
        size: D.
        kernel: taps.
        groups: groups of channels.
        gain, direction: their names in checkpoints.
    """

    def __init__(self, size: int, kernel: int, groups: int, gain: str, direction: str):
        super().__init__()
        require_positive(conv_pos=kernel)
        require_groups("conv_pos_groups", size, groups)
        self.kernel, self.groups = kernel, groups
        self.gain, self.direction = gain, direction
        self.bias = nn.Parameter(torch.zeros(size))
        weight = torch.randn(size, size // groups, kernel) * (4.0 / (kernel * size)) ** 0.5
        attach(self, gain, nn.Parameter(self._length(weight)))
        attach(self, direction, nn.Parameter(weight))
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Accept gain and direction under the names of PyTorch before and since release 2.1."""
        aliases = ((GAINS, self.gain), (DIRECTIONS, self.direction))
        rename(state, prefix, tuple((re.escape(name), own) for names, own in aliases for name in names if name != own))

    @staticmethod
    def _length(weight: Tensor) -> Tensor:
        """Length (1, 1, taps) of each tap's weights (D, D / groups, taps)."""
        return weight.square().sum(dim=(0, 1), keepdim=True).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D), zeros at padded frames → (B, T, D)."""
        direction = self.get_parameter(self.direction)
        weight = direction * (self.get_parameter(self.gain) / self._length(direction))
        # An even kernel gives one frame more than there are.
        y = conv1d(x.transpose(1, 2), weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return gelu(y[..., : x.shape[1]].transpose(1, 2))
