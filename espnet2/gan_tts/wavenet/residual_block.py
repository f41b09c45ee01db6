"""Residual block of WaveNet (van den Oord et al. 2016, section 2.4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.weight_norm import NormedConv1d


class Conv1d(NormedConv1d):
    """A convolution whose weights start as He et al. (2015) draw them, and whose bias starts from zero."""

    def reset_parameters(self) -> None:
        """Draw the weights that training starts from."""
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class Conv1d1x1(Conv1d):
    """A convolution that spans one step."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool):
        super().__init__(in_channels, out_channels, kernel_size=1, bias=bias)


class ResidualBlock(nn.Module):
    """A dilated convolution with a gate, whose result is added to its input and given to the output.

    Args:
        kernel_size: steps that a kernel spans, odd.
        residual_channels: R, channels of input and output.
        gate_channels: channels before the gate, which halves them; even.
        skip_channels: S, channels of what is given to the output.
        aux_channels: A, channels of auxiliary features; not above 0: there are none.
        global_channels: G, size of a global vector; not above 0: there is none.
        dropout_rate: dropout of the convolution's input.
        dilation: steps between those that a kernel reads.
        bias: whether convolutions have one.
        scale_residual: whether the sum of input and result is divided by √2.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        residual_channels: int = 64,
        gate_channels: int = 128,
        skip_channels: int = 64,
        aux_channels: int = 80,
        global_channels: int = -1,
        dropout_rate: float = 0.0,
        dilation: int = 1,
        bias: bool = True,
        scale_residual: bool = False,
    ):
        super().__init__()
        if gate_channels < 2 or gate_channels % 2:
            raise UnfitOptionError(f"gate_channels: expected an even number, found {gate_channels}")
        self.channels = (residual_channels, skip_channels)
        self.dropout_rate = dropout_rate
        self.scale = math.sqrt(0.5) if scale_residual else 1.0
        padding = same_padding(kernel_size) * dilation
        self.conv = Conv1d(residual_channels, gate_channels, kernel_size, padding=padding, dilation=dilation, bias=bias)
        if aux_channels > 0:
            self.conv1x1_aux = Conv1d1x1(aux_channels, gate_channels, bias=False)
        if global_channels > 0:
            self.conv1x1_glo = Conv1d1x1(global_channels, gate_channels, bias=False)
        self.conv1x1_out = Conv1d1x1(gate_channels // 2, residual_channels + skip_channels, bias=bias)

    def forward(
        self, x: Tensor, x_mask: Tensor | None = None, c: Tensor | None = None, g: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Inputs x (B, R, T), 1 on valid steps and 0 on others x_mask (B, 1, T), features c (B, A, T), vectors g
        (B, G, 1) → (B, R, T), and what is given to the output (B, S, T); or images of one row (B, R, 1, T)."""
        hidden = self.conv(dropout(x, self.dropout_rate, self.training))
        if c is not None:
            hidden = hidden + self.conv1x1_aux(c)
        if g is not None:
            hidden = hidden + self.conv1x1_glo(g)
        content, gate = hidden.chunk(2, dim=1)
        out = self.conv1x1_out(torch.tanh(content) * torch.sigmoid(gate))
        if x_mask is not None:
            out = out * x_mask
        residual, skip = out.split(self.channels, dim=1)
        return (x + residual) * self.scale, skip
