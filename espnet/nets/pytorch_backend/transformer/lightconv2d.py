"""Lightweight convolution over tokens and, beside it, over the features of each token (Fujita et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.causal_convolution import across_features
from espnet.nets.pytorch_backend.transformer.lightconv import LightweightConvolution


class LightweightConvolution2D(LightweightConvolution):
    """A lightweight convolution of the tokens, and one of the features with a kernel of its own.

    Args:
        as `LightweightConvolution`.
    """

    widening = 2

    def __init__(
        self,
        wshare: int,
        n_feat: int,
        dropout_rate: float,
        kernel_size: int,
        use_kernel_mask: bool = False,
        use_bias: bool = False,
    ):
        super().__init__(wshare, n_feat, dropout_rate, kernel_size, use_kernel_mask, use_bias)
        self.weight_f = nn.Parameter(torch.rand(1, 1, kernel_size))

    def widened(self, mixed: Tensor, y: Tensor) -> Tensor:
        """Both convolutions' results (B, U, 2D)."""
        kernel = self.dropout(torch.softmax(self.weight_f, dim=-1))
        return torch.cat((mixed, across_features(y, kernel)), dim=-1)
