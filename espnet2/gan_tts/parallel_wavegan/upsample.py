"""Networks that give features the rate of samples (Yamamoto et al. 2020, section 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.residual_block import make_activation
from espnet2.gan_tts.vocoder import Stage
from espnet2.gan_tts.wavenet.residual_block import Conv1d
from espnet2.gan_tts.weight_norm import NormedConv2d

MODES = {mode: mode for mode in ("nearest", "bilinear", "bicubic", "area")}


class Stretch2d(nn.Module):
    """Stretched images: `x_scale` times as wide, `y_scale` times as high, by interpolation of kind `mode`."""

    def __init__(self, x_scale: int, y_scale: int, mode: str = "nearest"):
        super().__init__()
        require_positive(x_scale=x_scale, y_scale=y_scale)
        self.x_scale = x_scale
        self.y_scale = y_scale
        self.mode = choose("interpolate_mode", mode, MODES)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, T) → (B, C, F · y_scale, T · x_scale)."""
        if self.mode != "nearest":
            return interpolate(x, scale_factor=(float(self.y_scale), float(self.x_scale)), mode=self.mode)
        wide = x[..., None].expand(*x.shape, self.x_scale).flatten(-2)
        return wide if self.y_scale == 1 else wide.repeat_interleave(self.y_scale, dim=-2)


class Conv2d(NormedConv2d):
    """A convolution that starts as a mean without bias."""

    def reset_parameters(self) -> None:
        """Set the weights that training starts from."""
        nn.init.constant_(self.weight, 1.0 / math.prod(self.kernel_size))
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class UpsampleNetwork(nn.Module):
    """Stretches over time, each with a convolution that smooths it.

    Args:
        upsample_scales: steps that each stretch makes of one.
        nonlinear_activation, nonlinear_activation_params: behind each convolution; see `make_activation`. None: none.
        interpolate_mode: of the stretches.
        freq_axis_kernel_size: features that a convolution reads together, odd.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        upsample_scales: Sequence[int],
        nonlinear_activation: str | None = None,
        nonlinear_activation_params: dict[str, Any] | None = None,
        interpolate_mode: str = "nearest",
        freq_axis_kernel_size: int = 1,
    ):
        super().__init__()
        padding = same_padding(freq_axis_kernel_size)
        self.scales = tuple(upsample_scales)
        self.is_nearest = interpolate_mode == "nearest"
        self.up_layers = nn.ModuleList()
        for scale in self.scales:
            kernel = (freq_axis_kernel_size, 2 * scale + 1)
            self.up_layers.append(Stretch2d(scale, 1, interpolate_mode))
            self.up_layers.append(Conv2d(1, 1, kernel, padding=(padding, scale), bias=False))
            if nonlinear_activation is not None:
                self.up_layers.append(make_activation(nonlinear_activation, nonlinear_activation_params))

    def stages(self) -> list[Stage]:
        """Stages of the receptive field; each stretch is a transposed convolution."""
        return [Stage(scale, scale, scale) for scale in self.scales]

    def forward(self, c: Tensor) -> Tensor:
        """(B, F, T) → (B, F, T · product of the scales)."""
        c = c[:, None]
        for layer in self.up_layers:
            c = layer(c)
        return c.squeeze(1)


class ConvInUpsampleNetwork(nn.Module):
    """A convolution over frames, and an `UpsampleNetwork`.

    Args:
        upsample_scales, nonlinear_activation, nonlinear_activation_params, interpolate_mode, freq_axis_kernel_size: see
            `UpsampleNetwork`.
        aux_channels: F, size of the features.
        aux_context_window: frames on each side that the convolution reads.
    """

    @typechecked
    def __init__(
        self,
        upsample_scales: Sequence[int],
        nonlinear_activation: str | None = None,
        nonlinear_activation_params: dict[str, Any] | None = None,
        interpolate_mode: str = "nearest",
        freq_axis_kernel_size: int = 1,
        aux_channels: int = 80,
        aux_context_window: int = 0,
    ):
        super().__init__()
        require_positive(aux_channels=aux_channels)
        self.window = aux_context_window
        self.pad = nn.ReplicationPad1d(aux_context_window)
        self.conv_in = Conv1d(aux_channels, aux_channels, 2 * aux_context_window + 1, bias=False)
        self.upsample = UpsampleNetwork(
            upsample_scales,
            nonlinear_activation,
            nonlinear_activation_params,
            interpolate_mode,
            freq_axis_kernel_size,
        )
        self.is_nearest = self.upsample.is_nearest

    def stages(self) -> list[Stage]:
        """Stages of the receptive field."""
        return [Stage(self.window), *self.upsample.stages()]

    def forward(self, c: Tensor) -> Tensor:
        """(B, F, T) → (B, F, T · product of the scales); the first and the last frame are repeated at the edges."""
        return self.upsample(self.conv_in(self.pad(c)))


NETWORKS: dict[str, type[UpsampleNetwork] | type[ConvInUpsampleNetwork]] = {
    "ConvInUpsampleNetwork": ConvInUpsampleNetwork,
    "UpsampleNetwork": UpsampleNetwork,
}
