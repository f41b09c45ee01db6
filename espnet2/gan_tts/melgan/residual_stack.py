"""Residual stack of MelGAN (Kumar et al. 2019, section 2.2)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.residual_block import make_activation
from espnet2.gan_tts.melgan.padding import make_padding
from espnet2.gan_tts.weight_norm import NormedConv1d

SLOPE = {"negative_slope": 0.2}


class ResidualStack(nn.Module):
    """A dilated convolution and one over single steps, added to another of these.

    Args:
        kernel_size: steps that the dilated kernel spans, odd.
        channels: C.
        dilation: steps between those that the kernel reads.
        bias: whether convolutions have one.
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        pad, pad_params: see `make_padding`.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        channels: int = 32,
        dilation: int = 1,
        bias: bool = True,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        pad: str = "ReflectionPad1d",
        pad_params: dict[str, Any] | None = None,
    ):
        super().__init__()
        params = SLOPE if nonlinear_activation_params is None else nonlinear_activation_params
        self.reach = same_padding(kernel_size) * dilation  # steps on each side
        self.stack = nn.Sequential(
            make_activation(nonlinear_activation, params),
            make_padding(pad, self.reach, pad_params),
            NormedConv1d(channels, channels, kernel_size, dilation=dilation, bias=bias),
            make_activation(nonlinear_activation, params),
            NormedConv1d(channels, channels, 1, bias=bias),
        )
        self.skip_layer = NormedConv1d(channels, channels, 1, bias=bias)

    def forward(self, c: Tensor) -> Tensor:
        """(B, C, 1, T) → (B, C, 1, T), or without the row."""
        return self.stack(c) + self.skip_layer(c)
