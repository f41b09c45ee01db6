"""Convolution module of the Conformer (Gulati et al. 2020, section 2.2)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import glu, linear

from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding


class ConvolutionModule(nn.Module):
    """Gated pointwise convolution, depthwise convolution over time, batch normalisation, pointwise convolution.

    Args:
        channels: D.
        kernel_size: frames that the depthwise kernel spans, odd.
        activation: applied after the normalisation.
        bias: whether convolutions have one.
    """

    def __init__(self, channels: int, kernel_size: int, activation: nn.Module | None = None, bias: bool = True):
        super().__init__()
        padding = same_padding(kernel_size)
        self.pointwise_conv1 = nn.Conv1d(channels, 2 * channels, 1, bias=bias)
        self.depthwise_conv = nn.Conv1d(channels, channels, kernel_size, padding=padding, groups=channels, bias=bias)
        self.norm = nn.BatchNorm1d(channels)
        self.pointwise_conv2 = nn.Conv1d(channels, channels, 1, bias=bias)
        self.activation = activation or nn.ReLU()

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        """x (B, T, D), padding (B, T, 1) bool, True at padded frames → (B, T, D)."""
        x = hide_padding(glu(pointwise(x, self.pointwise_conv1), dim=-1), padding)
        x = self.activation(self.norm(self.depthwise_conv(x.transpose(1, 2))))
        return pointwise(x.transpose(1, 2), self.pointwise_conv2)


def pointwise(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """A convolution with kernel size 1, as the matrix product that it is: x (B, T, C) → (B, T, C')."""
    return linear(x, conv.weight.squeeze(-1), conv.bias)
