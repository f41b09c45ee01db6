"""Layer normalisation with the epsilon that ESPnet's models are trained with."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

EPSILON = 1e-12


class LayerNorm(nn.Module):
    """Layer normalisation (Ba et al. 2016) along `dim`, which has `nout` channels.

    Upstream's layers use the last dimension only; others are for code written against this class.
    """

    def __init__(self, nout: int, dim: int = -1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(nout))
        self.bias = nn.Parameter(torch.zeros(nout))
        self.axis = dim

    def reset_parameters(self) -> None:
        """Set the weights to the identity."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Any shape with `nout` channels in dimension `dim` → the same shape."""
        vectors = input if self.axis == -1 else input.movedim(self.axis, -1)
        scaled = layer_norm(vectors, self.weight.shape, self.weight, self.bias, EPSILON)
        return scaled if self.axis == -1 else scaled.movedim(-1, self.axis)
