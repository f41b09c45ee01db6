"""Lightweight convolution (Wu et al. 2019, section 3): kernels are normalised by softmax and shared by channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.causal_convolution import CausalConvolution, require_odd


class LightweightConvolution(CausalConvolution):
    """Convolution of channel c with kernel c mod H.

    Args:
        as `CausalConvolution`; `kernel_size` is odd.
    """

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
        self.weight = nn.Parameter(torch.rand(wshare, 1, kernel_size))

    def kernel(self, y: Tensor, position: Tensor) -> Tensor:
        """Weights (1, 1, P + 1, D), the same for all tokens."""
        weights = self.dropout(torch.softmax(self.weight[:, 0, : self.before_middle + 1], dim=-1))
        return weights.t().repeat(1, self.size // self.wshare).view(1, 1, -1, self.size)
