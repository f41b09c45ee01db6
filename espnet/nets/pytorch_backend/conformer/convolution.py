"""Convolution module of the Conformer (Gulati et al. 2020, section 2.2)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import conv2d, glu, linear

from espnet.nets.pytorch_backend.nets_utils import by_rows
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding


class DepthwiseConv1d(nn.Conv1d):
    """A convolution over time in which each channel has a kernel of its own.

    It is computed as a convolution over two axes, the first of size 1: onnxruntime's depthwise kernels for two axes are
    3 to 5 times as fast as those for one.

    Args:
        channels: C.
        kernel_size: K, frames that the kernel spans.
        padding: zeros that count as frames before and after; None: as many as keep the length, for odd K.
        bias: whether it has one.
    """

    def __init__(self, channels: int, kernel_size: int, padding: int | None = None, bias: bool = True):
        padding = same_padding(kernel_size) if padding is None else padding
        super().__init__(channels, channels, kernel_size, padding=padding, groups=channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, T) → (B, C, T - K + 1 + 2 padding)."""
        padding = (0, int(self.padding[0]))
        y = conv2d(x.unsqueeze(2), self.weight.unsqueeze(2), self.bias, padding=padding, groups=self.groups)
        return y.squeeze(2)


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
        self.pointwise_conv1 = nn.Conv1d(channels, 2 * channels, 1, bias=bias)
        self.depthwise_conv = DepthwiseConv1d(channels, kernel_size, bias=bias)
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
    return by_rows(lambda rows: linear(rows, conv.weight.squeeze(-1), conv.bias), x)
