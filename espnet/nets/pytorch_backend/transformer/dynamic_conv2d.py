"""Dynamic convolution over tokens and, beside it, over the features of each token (Fujita et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.causal_convolution import across_features, require_odd
from espnet.nets.pytorch_backend.transformer.dynamic_conv import DynamicConvolution


class DynamicConvolution2D(DynamicConvolution):
    """A dynamic convolution of the tokens, and one of the features with a kernel per token, which is not normalised.

    Args:
        as `DynamicConvolution`; `kernel_size` is odd.
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
        require_odd(kernel_size)
        self.linear_weight_f = nn.Linear(n_feat, kernel_size)

    def widened(self, mixed: Tensor, y: Tensor) -> Tensor:
        """Both convolutions' results (B, U, 2D)."""
        return torch.cat((mixed, across_features(y, self.linear_weight_f(y))), dim=-1)
