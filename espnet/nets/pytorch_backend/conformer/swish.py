"""Swish activation (Ramachandran et al. 2017)."""

import torch
from torch import Tensor


class Swish(torch.nn.Module):
    """x · sigmoid(x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape → the same shape."""
        return x * torch.sigmoid(x)
