"""Dynamic convolution (Wu et al. 2019, section 4): kernels are predicted from each token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.causal_convolution import CausalConvolution


class DynamicConvolution(CausalConvolution):
    """Convolution whose kernels, one for each D/H channels, are a linear function of the token.

    A kernel is normalised over existing tokens only, so that the first token gets all the weight.

    Args:
        as `CausalConvolution`.
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
        self.linear_weight = nn.Linear(n_feat, wshare * kernel_size)

    def kernel(self, y: Tensor, position: Tensor) -> Tensor:
        """Weights (B, U, P + 1, D)."""
        taps = torch.arange(self.before_middle + 1, device=y.device) - self.before_middle
        place = (position + torch.arange(y.shape[1], device=y.device)).unsqueeze(-1) + taps
        weights = self.linear_weight(y).unflatten(-1, (self.wshare, self.kernel_size))[..., : self.before_middle + 1]
        weights = weights.masked_fill((place < 0).unsqueeze(2), -torch.inf)
        weights = self.dropout(torch.softmax(weights, dim=-1)).transpose(2, 3)
        return weights.repeat_interleave(self.size // self.wshare, dim=-1)
