"""Invertible mappings (flows) of VITS's stochastic duration predictor (Kim et al. 2021, appendix B)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from espnet2.gan_tts.vits.transform import piecewise_rational_quadratic_transform

Mapped = Tensor | tuple[Tensor, Tensor]  # (B, C, T), with logarithms of Jacobian determinants (B,) unless inverse


class FlipFlow(nn.Module):
    """Channels in reverse order."""

    def forward(self, x: Tensor, *args: Any, inverse: bool = False, **kwargs: Any) -> Mapped:
        """x (B, C, T) → (B, C, T), and zeros (B,) unless `inverse`."""
        flipped = x.flip(1)
        return flipped if inverse else (flipped, x.new_zeros(len(x)))


class LogFlow(nn.Module):
    """Logarithm."""

    def forward(self, x: Tensor, x_mask: Tensor, inverse: bool = False, eps: float = 1e-5, **kwargs: Any) -> Mapped:
        """x (B, C, T), x_mask (B, 1, T) → (B, C, T), and unless `inverse` the determinants (B,)."""
        if inverse:
            return x.exp() * x_mask
        logarithms = x.clamp(min=eps).log() * x_mask
        return logarithms, -logarithms.sum(dim=(1, 2))


class ElementwiseAffineFlow(nn.Module):
    """A factor and a summand for each channel.

    Args:
        channels: C.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.m = nn.Parameter(torch.zeros(channels, 1))
        self.logs = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor, x_mask: Tensor, inverse: bool = False, **kwargs: Any) -> Mapped:
        """x (B, C, T), x_mask (B, 1, T) → (B, C, T), and unless `inverse` the determinants (B,)."""
        if inverse:
            return (x - self.m) * torch.exp(-self.logs) * x_mask
        return (self.m + torch.exp(self.logs) * x) * x_mask, (self.logs * x_mask).sum(dim=(1, 2))


class Transpose(nn.Module):
    """Exchange of two axes."""

    def __init__(self, dim1: int, dim2: int):
        super().__init__()
        self.dims = (dim1, dim2)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape with these axes → the shape with the axes exchanged."""
        return x.transpose(*self.dims)


class DilatedDepthSeparableConv(nn.Module):
    """Residual layers of a convolution by channel with growing dilation, and one across channels.

    Args:
        channels: C.
        kernel_size: steps that a kernel spans, and the factor between dilations.
        layers: number of layers.
        dropout_rate: dropout of each layer's result.
        eps: see `torch.nn.LayerNorm`.
    """

    def __init__(self, channels: int, kernel_size: int, layers: int, dropout_rate: float = 0.0, eps: float = 1e-5):
        super().__init__()

        def layer(dilation: int) -> nn.Sequential:
            padding = (kernel_size * dilation - dilation) // 2
            return nn.Sequential(
                nn.Conv1d(channels, channels, kernel_size, groups=channels, dilation=dilation, padding=padding),
                *(Transpose(1, 2), nn.LayerNorm(channels, eps=eps), Transpose(1, 2), nn.GELU()),
                nn.Conv1d(channels, channels, 1),
                *(Transpose(1, 2), nn.LayerNorm(channels, eps=eps), Transpose(1, 2), nn.GELU()),
                nn.Dropout(dropout_rate),
            )

        self.convs = nn.ModuleList(layer(kernel_size**index) for index in range(layers))

    def forward(self, x: Tensor, x_mask: Tensor, g: Tensor | None = None) -> Tensor:
        """x (B, C, T), x_mask (B, 1, T), a condition g that is added (B, C, T or 1) → (B, C, T)."""
        if g is not None:
            x = x + g
        for conv in self.convs:
            x = x + conv(x * x_mask)
        return x * x_mask


class ConvFlow(nn.Module):
    """Splines of half of the channels, whose shapes depend on the other half.

    Args:
        in_channels: C, even.
        hidden_channels: channels between.
        kernel_size, layers: see `DilatedDepthSeparableConv`.
        bins: bins of the splines.
        tail_bound: largest absolute value that is mapped.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        kernel_size: int,
        layers: int,
        bins: int = 10,
        tail_bound: float = 5.0,
    ):
        super().__init__()
        self.split_size = in_channels // 2
        self.sizes = (bins, bins, bins - 1)
        self.tail_bound = tail_bound
        self.scale = 1 / math.sqrt(hidden_channels)
        self.input_conv = nn.Conv1d(self.split_size, hidden_channels, 1)
        self.dds_conv = DilatedDepthSeparableConv(hidden_channels, kernel_size, layers)
        self.proj = nn.Conv1d(hidden_channels, self.split_size * sum(self.sizes), 1)
        nn.init.zeros_(self.proj.weight)  # training starts from splines of equal bins
        if self.proj.bias is not None:
            nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor, x_mask: Tensor, g: Tensor | None = None, inverse: bool = False) -> Mapped:
        """x (B, C, T), x_mask (B, 1, T), a condition g (B, H, T) → (B, C, T), and unless `inverse` the determinants
        (B,)."""
        kept, mapped = x.split(self.split_size, dim=1)
        shapes = self.proj(self.dds_conv(self.input_conv(kept), x_mask, g)) * x_mask
        widths, heights, slopes = shapes.unflatten(1, (self.split_size, -1)).transpose(2, 3).split(self.sizes, dim=-1)
        mapped, logarithms = piecewise_rational_quadratic_transform(
            mapped,
            widths * self.scale,
            heights * self.scale,
            slopes,
            inverse=inverse,
            tails="linear",
            tail_bound=self.tail_bound,
        )
        x = torch.cat((kept, mapped), dim=1) * x_mask
        return x if inverse else (x, (logarithms * x_mask).sum(dim=(1, 2)))
