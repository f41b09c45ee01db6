"""Bottleneck adapters (Houlsby et al. 2019)."""

from __future__ import annotations

from torch import Tensor, nn


class Houlsby_Adapter(nn.Module):
    """Bottleneck adapter: linear layer, GELU, linear layer; the adapted layer adds the result to its own.

    Args:
        input_size: D.
        bottleneck: size between the two layers.
    """

    def __init__(self, input_size: int, bottleneck: int):
        super().__init__()
        self.bottleneck = bottleneck
        layers = (nn.Linear(input_size, bottleneck), nn.GELU(), nn.Linear(bottleneck, input_size))
        self.houlsby_adapter = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., D) → (..., D)."""
        return self.houlsby_adapter(x)


# The adapted layer of package s3prl; None if the package is not installed, as in upstream.
HoulsbyTransformerSentenceEncoderLayer = None
