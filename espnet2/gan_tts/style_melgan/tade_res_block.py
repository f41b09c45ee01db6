"""Residual block with temporal adaptive denormalisation (Mustafa et al. 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.weight_norm import NormedConv1d

GATES: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda x: torch.softmax(x, dim=1),
    "sigmoid": torch.sigmoid,
}
MODES = {"nearest": "nearest", "linear": "bilinear", "area": "area"}  # as of images, by upstream's names


class Upsample(nn.Module):
    """`scale` steps of each, by interpolation of kind `mode`."""

    def __init__(self, scale: int, mode: str = "nearest"):
        super().__init__()
        self.scale = scale
        self.mode = choose("upsample_mode", mode, MODES)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, T) → (B, C, 1, T · scale)."""
        if self.scale == 1:
            return x
        if self.mode != "nearest":
            return nn.functional.interpolate(x, scale_factor=(1.0, float(self.scale)), mode=self.mode)
        return x[..., None].expand(*x.shape, self.scale).flatten(-2)


class TADELayer(nn.Module):
    """Normalisation whose gain and shift come from features.

    Args:
        in_channels: C.
        aux_channels: A, channels of the features.
        kernel_size: of the convolutions, odd.
        bias: whether convolutions have one.
        upsample_factor: steps that are made of one.
        upsample_mode: "nearest", "linear" or "area".
    """

    def __init__(
        self,
        in_channels: int = 64,
        aux_channels: int = 80,
        kernel_size: int = 9,
        bias: bool = True,
        upsample_factor: int = 2,
        upsample_mode: str = "nearest",
    ):
        super().__init__()
        padding = same_padding(kernel_size)
        self.norm = nn.InstanceNorm2d(in_channels)
        self.aux_conv = nn.Sequential(NormedConv1d(aux_channels, in_channels, kernel_size, padding=padding, bias=bias))
        self.gated_conv = nn.Sequential(
            NormedConv1d(in_channels, in_channels * 2, kernel_size, padding=padding, bias=bias)
        )
        self.upsample = Upsample(upsample_factor, upsample_mode)

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, 1, T) and features c (B, A, 1, T) → both (B, C, 1, T · upsample_factor)."""
        x = self.upsample(self.norm(x))
        c = self.aux_conv(self.upsample(c))
        gain, shift = self.gated_conv(c).chunk(2, dim=1)
        return gain * x + shift, c


class TADEResBlock(nn.Module):
    """Two of these layers with gated convolutions, added to the input.

    Args:
        in_channels, aux_channels, kernel_size, bias, upsample_factor, upsample_mode: see `TADELayer`; the second layer
            upsamples.
        dilation: of the second gated convolution.
        gated_function: "softmax" (over channels) or "sigmoid".

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    def __init__(
        self,
        in_channels: int = 64,
        aux_channels: int = 80,
        kernel_size: int = 9,
        dilation: int = 2,
        bias: bool = True,
        upsample_factor: int = 2,
        upsample_mode: str = "nearest",
        gated_function: str = "softmax",
    ):
        super().__init__()
        padding = same_padding(kernel_size)
        self.tade1 = TADELayer(in_channels, aux_channels, kernel_size, bias, 1, upsample_mode)
        self.gated_conv1 = NormedConv1d(in_channels, in_channels * 2, kernel_size, padding=padding, bias=bias)
        self.tade2 = TADELayer(in_channels, in_channels, kernel_size, bias, upsample_factor, upsample_mode)
        self.gated_conv2 = NormedConv1d(
            in_channels, in_channels * 2, kernel_size, padding=padding * dilation, dilation=dilation, bias=bias
        )
        self.upsample = Upsample(upsample_factor, upsample_mode)
        self.gate = choose("gated_function", gated_function, GATES)

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, 1, T) and features c (B, A, 1, T) → both (B, C, 1, T · upsample_factor)."""
        y, c = self.tade1(x, c)
        y, c = self.tade2(self._gated(self.gated_conv1(y)), c)
        return self.upsample(x) + self._gated(self.gated_conv2(y)), c

    def _gated(self, x: Tensor) -> Tensor:
        gate, content = x.chunk(2, dim=1)
        return self.gate(gate) * torch.tanh(content)
