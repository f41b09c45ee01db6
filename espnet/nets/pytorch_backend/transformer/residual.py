"""Base of encoder layers: residual branches with normalisation, dropout and stochastic depth."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import by_rows


class ResidualLayer(nn.Module):
    """A layer made of residual branches.

    Args:
        size: D.
        dropout_rate: dropout of a branch's result.
        normalize_before: normalise a branch's input (True), or the sum (False).
        concat_after: combine attention's input and output by a linear layer.
        stochastic_depth_rate: probability that training skips the layer (Huang et al. 2016).
    """

    def __init__(
        self,
        size: int,
        dropout_rate: float,
        normalize_before: bool = True,
        concat_after: bool = False,
        stochastic_depth_rate: float = 0.0,
    ):
        super().__init__()
        self.size = size
        self.normalize_before = normalize_before
        self.concat_after = concat_after
        self.stochastic_depth_rate = stochastic_depth_rate
        self.dropout = nn.Dropout(dropout_rate)
        if concat_after:
            self.concat_linear = nn.Linear(2 * size, size)

    def skipped(self) -> bool:
        """Draw whether training skips the layer in this call."""
        return self.training and torch.rand(()).item() < self.stochastic_depth_rate

    def residual(self, x: Tensor, norm: nn.Module, branch: Callable[[Tensor], Tensor], weight: float = 1.0) -> Tensor:
        """x (B, T, D) plus `weight` times `branch`'s output for it."""
        x = self.add(x, branch(norm(x) if self.normalize_before else x), weight)
        return x if self.normalize_before else norm(x)

    def add(self, x: Tensor, branch: Tensor, weight: float = 1.0) -> Tensor:
        """x (B, T, D) plus `weight` times a branch's output (B, T, D), scaled up in training to make up for
        skipping."""
        if self.training and self.stochastic_depth_rate:
            weight = weight / (1.0 - self.stochastic_depth_rate)
        return x + (branch if weight == 1.0 else weight * branch)

    def attention(self, x: Tensor, norm: nn.Module, attend: Callable[[Tensor], Tensor]) -> Tensor:
        """The residual branch of self-attention; `attend` maps (B, T, D) to (B, T, D)."""
        if self.concat_after:
            return self.residual(x, norm, lambda y: by_rows(self.concat_linear, torch.cat((y, attend(y)), dim=-1)))
        return self.residual(x, norm, lambda y: self.dropout(attend(y)))
