"""MelGAN (Kumar et al. 2019): generator and discriminators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, choose, require_positive
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.discriminators import POOLINGS
from espnet2.gan_tts.hifigan.residual_block import make_activation
from espnet2.gan_tts.melgan.padding import make_padding
from espnet2.gan_tts.melgan.pqmf import PQMF
from espnet2.gan_tts.melgan.residual_stack import SLOPE, ResidualStack
from espnet2.gan_tts.vocoder import AbsVocoder, Stage, receptive_field, upsampling_stage
from espnet2.gan_tts.weight_norm import NormedConv1d, NormedConvTranspose1d, WeightNormed, draw_weights

DEVIATION = 0.02  # of weights before training
HALF = {"kernel_size": 4, "stride": 2, "padding": 1, "count_include_pad": False}


class MelGANGenerator(AbsVocoder):
    """Features to samples, by transposed convolutions and residual stacks after each.

    Args:
        in_channels: F, size of the features.
        out_channels: channels of the samples, or bands where `pqmf` joins them.
        kernel_size: of the first and the last convolution, odd.
        channels: of the first convolution; each transposed one halves them.
        bias: whether convolutions have one.
        upsample_scales: steps that each transposed convolution makes of one.
        stack_kernel_size, stacks: of the residual stacks after each; their dilations are powers of the kernel size.
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        pad, pad_params: see `make_padding`.
        use_final_nonlinear_activation: whether the last result goes through tanh.
        use_weight_norm: split weights into gains and directions, as training and checkpoints have them.

    Attributes:
        pqmf: filters that join bands to samples (multi-band MelGAN, Yang et al. 2021); None: there are none.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 80,
        out_channels: int = 1,
        kernel_size: int = 7,
        channels: int = 512,
        bias: bool = True,
        upsample_scales: Sequence[int] = (8, 8, 2, 2),
        stack_kernel_size: int = 3,
        stacks: int = 3,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        pad: str = "ReflectionPad1d",
        pad_params: dict[str, Any] | None = None,
        use_final_nonlinear_activation: bool = True,
        use_weight_norm: bool = True,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, channels=channels)
        if channels % 2 ** len(upsample_scales):
            raise UnfitOptionError(
                f"channels: expected a multiple of {2 ** len(upsample_scales)}, which are halved "
                f"{len(upsample_scales)} times, found {channels}"
            )
        params = SLOPE if nonlinear_activation_params is None else nonlinear_activation_params
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.pqmf: Any = None
        self.upsample_factor = math.prod(upsample_scales)

        def padded(before: int, size: int) -> list[nn.Module]:
            padding = make_padding(pad, same_padding(kernel_size), pad_params)
            return [padding, NormedConv1d(before, size, kernel_size, bias=bias)]

        layers = padded(in_channels, channels)
        for scale in upsample_scales:
            layers.append(make_activation(nonlinear_activation, params))
            layers.append(_upsampling(channels, scale, bias))
            channels //= 2
            layers.extend(
                ResidualStack(
                    stack_kernel_size,
                    channels,
                    stack_kernel_size**index,
                    bias,
                    nonlinear_activation,
                    params,
                    pad,
                    pad_params,
                )
                for index in range(stacks)
            )
        layers += [make_activation(nonlinear_activation, params), *padded(channels, out_channels)]
        if use_final_nonlinear_activation:
            layers.append(nn.Tanh())
        self.melgan = nn.Sequential(*layers)
        self.reset_parameters()
        if use_weight_norm:
            self.apply_weight_norm()

    def reset_parameters(self) -> None:
        """Draw the weights that training starts from."""
        draw_weights(self, DEVIATION)

    def join_bands(self, **options: Any) -> None:
        """Have a `PQMF` of these options make samples of the channels, which are its bands."""
        self.pqmf = PQMF(self.out_channels, **options)
        self.upsample_factor *= self.out_channels

    @property
    def receptive_field(self) -> int:
        stages = []
        for layer in self.melgan:
            if isinstance(layer, ResidualStack):
                stages.append(Stage(layer.reach))
            elif isinstance(layer, NormedConvTranspose1d):
                stages.append(upsampling_stage(layer))
            elif isinstance(layer, NormedConv1d):
                stages.append(Stage(layer.kernel_size[0] // 2))
        if self.pqmf is not None:
            stages.append(Stage(0, self.pqmf.subbands, self.pqmf.taps + 1, self.pqmf.taps // 2))
        return receptive_field(stages)

    def forward(self, c: Tensor) -> Tensor:
        """Features (B, F, T) → samples (B, 1, N), or bands (B, out_channels, N)."""
        return self.melgan(c.unsqueeze(2)).squeeze(2)  # images of one row, as `NormedConv1d` says

    def inference(self, c: Tensor) -> Tensor:
        """Features (T, F) → samples (N, 1), or of each channel (N, out_channels) without `pqmf`."""
        return self._joined(c.T[None])[0].T

    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F) → samples (B, N) of the first channel."""
        return self._joined(feats.transpose(1, 2))[:, 0]

    def _joined(self, c: Tensor) -> Tensor:
        bands = self(c)
        return bands if self.pqmf is None else self.pqmf.synthesis(bands)


def _upsampling(channels: int, scale: int, bias: bool) -> NormedConvTranspose1d:
    """A transposed convolution that halves the channels and makes `scale` steps of one."""
    return NormedConvTranspose1d(
        channels,
        channels // 2,
        scale * 2,
        scale,
        padding=scale // 2 + scale % 2,
        output_padding=scale % 2,
        bias=bias,
    )


class MelGANDiscriminator(nn.Module):
    """Strided convolutions in groups.

    Args:
        in_channels, out_channels: of the samples and of the result.
        kernel_sizes: of the last two convolutions, odd; their product is that of the first one.
        channels: of the first convolution.
        max_downsample_channels: most channels of the others.
        bias: whether convolutions have one.
        downsample_scales: strides of the convolutions, which multiply the channels by as much.
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        pad, pad_params: of the first convolution; see `make_padding`.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_sizes: Sequence[int] = (5, 3),
        channels: int = 16,
        max_downsample_channels: int = 1024,
        bias: bool = True,
        downsample_scales: Sequence[int] = (4, 4, 4, 4),
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        pad: str = "ReflectionPad1d",
        pad_params: dict[str, Any] | None = None,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, channels=channels)
        if len(kernel_sizes) != 2:
            raise UnfitOptionError(f"kernel_sizes: expected two, found {list(kernel_sizes)}")
        params = SLOPE if nonlinear_activation_params is None else nonlinear_activation_params
        paddings = [same_padding(size) for size in kernel_sizes]

        def layer(*parts: nn.Module) -> nn.Sequential:
            return nn.Sequential(*parts, make_activation(nonlinear_activation, params))

        first = math.prod(kernel_sizes)
        padding = make_padding(pad, first // 2, pad_params)
        self.layers = nn.ModuleList([layer(padding, NormedConv1d(in_channels, channels, first, bias=bias))])
        for scale in downsample_scales:
            size = min(channels * scale, max_downsample_channels)
            options: dict[str, Any] = {"stride": scale, "padding": scale * 5, "groups": channels // 4, "bias": bias}
            self.layers.append(layer(NormedConv1d(channels, size, scale * 10 + 1, **options)))
            channels = size
        size = min(channels * 2, max_downsample_channels)
        self.layers.append(layer(NormedConv1d(channels, size, kernel_sizes[0], padding=paddings[0], bias=bias)))
        self.layers.append(NormedConv1d(size, out_channels, kernel_sizes[1], padding=paddings[1], bias=bias))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Samples (B, 1, N) → each convolution's result (B, C, T)."""
        outs = []
        for layer in self.layers:
            x = layer(x)
            outs.append(x)
        return outs


class MelGANMultiScaleDiscriminator(WeightNormed):
    """A `MelGANDiscriminator` for the samples, and one for each further scale, which pooling gives.

    Args:
        in_channels, out_channels, ...: those of the discriminators.
        scales: number of discriminators.
        downsample_pooling, downsample_pooling_params: a name in `POOLINGS`, and its options.
        use_weight_norm: split weights into gains and directions.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        scales: int = 3,
        downsample_pooling: str = "AvgPool1d",
        downsample_pooling_params: dict[str, Any] | None = None,
        kernel_sizes: Sequence[int] = (5, 3),
        channels: int = 16,
        max_downsample_channels: int = 1024,
        bias: bool = True,
        downsample_scales: Sequence[int] = (4, 4, 4, 4),
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        pad: str = "ReflectionPad1d",
        pad_params: dict[str, Any] | None = None,
        use_weight_norm: bool = True,
    ):
        super().__init__()
        require_positive(scales=scales)
        pooling = choose("downsample_pooling", downsample_pooling, POOLINGS)
        self.discriminators = nn.ModuleList(
            MelGANDiscriminator(
                in_channels,
                out_channels,
                kernel_sizes,
                channels,
                max_downsample_channels,
                bias,
                downsample_scales,
                nonlinear_activation,
                nonlinear_activation_params,
                pad,
                pad_params,
            )
            for _ in range(scales)
        )
        self.pooling = pooling(**(HALF if downsample_pooling_params is None else downsample_pooling_params))
        self.reset_parameters()
        if use_weight_norm:
            self.apply_weight_norm()

    def reset_parameters(self) -> None:
        """Draw the weights that training starts from."""
        draw_weights(self, DEVIATION)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Samples (B, 1, N) → the results of each discriminator."""
        outs = []
        for discriminator in self.discriminators:
            outs.append(discriminator(x))
            x = self.pooling(x)
        return outs
