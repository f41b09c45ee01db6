"""Generator of HiFi-GAN (Kong et al. 2020); its discriminators under upstream's name of the module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, require_positive
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.discriminators import (
    HiFiGANMultiPeriodDiscriminator,
    HiFiGANMultiScaleDiscriminator,
    HiFiGANMultiScaleMultiPeriodDiscriminator,
    HiFiGANPeriodDiscriminator,
    HiFiGANScaleDiscriminator,
)
from espnet2.gan_tts.hifigan.residual_block import ResidualBlock, make_activation
from espnet2.gan_tts.vocoder import AbsVocoder, Stage, receptive_field, upsampling_stage
from espnet2.gan_tts.weight_norm import NormedConv1d, NormedConvTranspose1d, draw_weights
from espnet2.interface.spec import Tensor as Declared

__all__ = [
    "HiFiGANGenerator",
    "HiFiGANMultiPeriodDiscriminator",
    "HiFiGANMultiScaleDiscriminator",
    "HiFiGANMultiScaleMultiPeriodDiscriminator",
    "HiFiGANPeriodDiscriminator",
    "HiFiGANScaleDiscriminator",
]
DEVIATION = 0.01  # of weights before training


class HiFiGANGenerator(AbsVocoder):
    """Features to samples, by transposed convolutions and the mean of parallel residual blocks after each.

    Args:
        in_channels: F, size of the features.
        out_channels: channels of the samples.
        channels: C of the first convolution; each transposed one halves it.
        global_channels: size of a vector that is added to the first convolution's result; -1: none.
        kernel_size: of the first and the last convolution, odd.
        upsample_scales: samples that each transposed convolution makes of one.
        upsample_kernel_sizes: their kernels, twice the scales.
        resblock_kernel_sizes, resblock_dilations: of the parallel residual blocks.
        use_additional_convs: see `ResidualBlock`.
        bias: whether convolutions of residual blocks have one.
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        use_weight_norm: split weights into gains and directions, as training and checkpoints have them.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 80,
        out_channels: int = 1,
        channels: int = 512,
        global_channels: int = -1,
        kernel_size: int = 7,
        upsample_scales: Sequence[int] = (8, 8, 2, 2),
        upsample_kernel_sizes: Sequence[int] = (16, 16, 4, 4),
        resblock_kernel_sizes: Sequence[int] = (3, 7, 11),
        resblock_dilations: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
        use_additional_convs: bool = True,
        bias: bool = True,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        use_weight_norm: bool = True,
    ):
        super().__init__()
        params = {"negative_slope": 0.1} if nonlinear_activation_params is None else nonlinear_activation_params
        require_positive(in_channels=in_channels, out_channels=out_channels, channels=channels)
        self.require_kernels(upsample_scales, upsample_kernel_sizes)
        if len(resblock_kernel_sizes) != len(resblock_dilations):
            raise UnfitOptionError(
                f"resblock_dilations: expected {len(resblock_kernel_sizes)} lists, one for each kernel of "
                f"resblock_kernel_sizes, found {len(resblock_dilations)}"
            )
        if channels % 2 ** len(upsample_scales):
            raise UnfitOptionError(
                f"channels: expected a multiple of {2 ** len(upsample_scales)}, which are halved "
                f"{len(upsample_scales)} times, found {channels}"
            )
        padding = same_padding(kernel_size)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.global_channels = max(global_channels, 0)
        self.upsample_factor = math.prod(upsample_scales)
        self._first = Stage(padding)  # the last convolution has the same kernel
        self.num_blocks = len(resblock_kernel_sizes)
        self.input_conv = NormedConv1d(in_channels, channels, kernel_size, padding=padding)
        self.upsamples: Any = nn.ModuleList()
        self.blocks: Any = nn.ModuleList()
        for scale, kernel in zip(upsample_scales, upsample_kernel_sizes, strict=True):
            upsampling = NormedConvTranspose1d(channels, channels // 2, kernel, scale, **self.paddings(kernel, scale))
            self.upsamples.append(nn.Sequential(make_activation(nonlinear_activation, params), upsampling))
            channels //= 2
            self.blocks.extend(
                ResidualBlock(size, channels, dilations, bias, use_additional_convs, nonlinear_activation, params)
                for size, dilations in zip(resblock_kernel_sizes, resblock_dilations, strict=True)
            )
        # The last activation has PyTorch's slope, as in the authors' code.
        last = NormedConv1d(channels, out_channels, kernel_size, padding=padding)
        self.output_conv = nn.Sequential(nn.LeakyReLU(), last, nn.Tanh())
        if global_channels > 0:
            self.global_conv = NormedConv1d(global_channels, self.input_conv.out_channels, 1)
        self.reset_parameters()
        if use_weight_norm:
            self.apply_weight_norm()

    def require_kernels(self, scales: Sequence[int], kernels: Sequence[int]) -> None:
        """Raise `ValueError` for kernels of transposed convolutions that do not fit their scales."""
        if list(kernels) != [2 * scale for scale in scales]:
            raise UnfitOptionError(
                f"upsample_kernel_sizes: expected twice the upsample_scales {list(scales)}, found {list(kernels)}"
            )

    def paddings(self, kernel: int, scale: int) -> dict[str, Any]:
        """Arguments of a transposed convolution that say how much of its result is left out at the ends."""
        return {"padding": scale // 2 + scale % 2, "output_padding": scale % 2}

    def reset_parameters(self) -> None:
        """Draw the weights that training starts from."""
        draw_weights(self, DEVIATION)

    def forward(self, c: Tensor, g: Tensor | None = None) -> Tensor:
        """Features c (B, F, T), and a vector g (B, G, 1) where the generator has `global_channels` → (B, 1, N)."""
        x = self.input_conv(c.unsqueeze(2))  # an image of one row, as `NormedConv1d` says
        if g is not None:
            x = x + self.global_conv(g).unsqueeze(2)
        for index, upsample in enumerate(self.upsamples):
            x = upsample(x)
            first, *others = (block(x) for block in self._blocks_behind(index))
            x = sum(others, start=first) / self.num_blocks
        return self.output_conv(x).squeeze(2)

    def _blocks_behind(self, index: int) -> Any:
        """The parallel residual blocks behind a transposed convolution."""
        return self.blocks[index * self.num_blocks : (index + 1) * self.num_blocks]

    def inference(self, c: Tensor, g: Tensor | None = None) -> Tensor:
        """Features c (T, F), and a vector g (G, 1) → samples (N, 1)."""
        return self(c.T[None], None if g is None else g[None])[0].T

    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F), and a vector (B, G) where the generator reads one → samples (B, N), the first channel."""
        return self(feats.transpose(1, 2), *(vector[:, :, None] for vector in further))[:, 0]

    def further_inputs(self) -> tuple[Declared, ...]:
        """The vector of generators that read one."""
        return (Declared("global_vector", ("batch", self.global_channels)),) if self.global_channels else ()

    @property
    def receptive_field(self) -> int:
        stages = [self._first]
        for index, upsample in enumerate(self.upsamples):
            stages.append(upsampling_stage(upsample[1], max(block.reach for block in self._blocks_behind(index))))
        return receptive_field([*stages, self._first])
