"""Layer normalisation with the epsilon that ESPnet's models are trained with."""

import torch
from torch import Tensor


class LayerNorm(torch.nn.LayerNorm):
    """Layer normalisation (Ba et al. 2016) over dimension `dim` of `nout` channels, epsilon 1e-12."""

    def __init__(self, nout: int, dim: int = -1):
        super().__init__(nout, eps=1e-12)
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Any shape with `nout` channels in dimension `dim` → the same shape."""
        if self.dim == -1:
            return super().forward(input)
        return super().forward(input.transpose(self.dim, -1)).transpose(self.dim, -1)
