"""StyleMelGAN (Mustafa et al. 2021): generator and discriminator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, require_positive
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.residual_block import make_activation
from espnet2.gan_tts.melgan.melgan import MelGANDiscriminator
from espnet2.gan_tts.melgan.pqmf import PQMF
from espnet2.gan_tts.melgan.residual_stack import SLOPE
from espnet2.gan_tts.style_melgan.tade_res_block import TADEResBlock
from espnet2.gan_tts.vocoder import AbsVocoder
from espnet2.gan_tts.weight_norm import NormedConv1d, NormedConvTranspose1d, WeightNormed, draw_weights
from espnet2.interface.spec import Tensor as Declared

DEVIATION = 0.02  # of weights before training
BANDS = ((1, None, None, None), (2, 62, 0.267, 9.0), (4, 62, 0.142, 9.0), (8, 62, 0.07949, 9.0))
DISCRIMINATOR = {"max_downsample_channels": 512, "downsample_scales": [4, 4, 4, 1]}


class StyleMelGANGenerator(AbsVocoder):
    """Noise to samples, by residual blocks that features steer.

    Args:
        in_channels: channels of the noise.
        aux_channels: F, size of the features.
        channels: of the residual blocks.
        out_channels: of the samples.
        kernel_size: of all convolutions, odd.
        dilation: of the second convolution of each block.
        bias: whether convolutions have one.
        noise_upsample_scales: steps that each transposed convolution of the noise makes of one; their product is the
            number of frames for one step of noise.
        noise_upsample_activation, noise_upsample_activation_params: see `make_activation`.
        upsample_scales: steps that each block makes of one.
        upsample_mode, gated_function: see `TADEResBlock`.
        use_weight_norm: split weights into gains and directions, as training and checkpoints have them.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 128,
        aux_channels: int = 80,
        channels: int = 64,
        out_channels: int = 1,
        kernel_size: int = 9,
        dilation: int = 2,
        bias: bool = True,
        noise_upsample_scales: Sequence[int] = (11, 2, 2, 2),
        noise_upsample_activation: str = "LeakyReLU",
        noise_upsample_activation_params: dict[str, Any] | None = None,
        upsample_scales: Sequence[int] = (2, 2, 2, 2, 2, 2, 2, 2, 1),
        upsample_mode: str = "nearest",
        gated_function: str = "softmax",
        use_weight_norm: bool = True,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, aux_channels=aux_channels, channels=channels)
        require_positive(out_channels=out_channels)
        params = SLOPE if noise_upsample_activation_params is None else noise_upsample_activation_params
        self.in_channels = aux_channels
        self.noise_channels = in_channels
        self.noise_upsample_factor = math.prod(noise_upsample_scales)
        self.upsample_factor = math.prod(upsample_scales)
        layers: list[nn.Module] = []
        for scale in noise_upsample_scales:
            half, odd = divmod(scale, 2)
            conv = NormedConvTranspose1d(
                in_channels, channels, scale * 2, scale, padding=half + odd, output_padding=odd, bias=bias
            )
            layers += [conv, make_activation(noise_upsample_activation, params)]
            in_channels = channels
        self.noise_upsample = nn.Sequential(*layers)
        self.blocks = nn.ModuleList()
        for scale in upsample_scales:
            self.blocks.append(
                TADEResBlock(channels, aux_channels, kernel_size, dilation, bias, scale, upsample_mode, gated_function)
            )
            aux_channels = channels
        last = NormedConv1d(channels, out_channels, kernel_size, padding=same_padding(kernel_size), bias=bias)
        self.output_conv = nn.Sequential(last, nn.Tanh())
        self.reset_parameters()
        if use_weight_norm:
            self.apply_weight_norm()

    def reset_parameters(self) -> None:
        """Draw the weights that training starts from."""
        draw_weights(self, DEVIATION)

    def forward(self, c: Tensor, z: Tensor | None = None) -> Tensor:
        """Features c (B, F, T) and noise z (B, in_channels, T / noise_upsample_factor), drawn where there is none (for
        features of that many frames) → samples (B, out_channels, N)."""
        if z is None:
            z = torch.randn(len(c), self.noise_channels, 1, dtype=c.dtype, device=c.device)
        # Images of one row, as `NormedConv1d` says.
        x, c = self.noise_upsample(z.unsqueeze(2)), c.unsqueeze(2)
        for block in self.blocks:
            x, c = block(x, c)
        return self.output_conv(x).squeeze(2)

    def inference(self, c: Tensor) -> Tensor:
        """Features c (T, F) → samples (N, out_channels), of drawn noise."""
        steps = -(-len(c) // self.noise_upsample_factor)
        z = torch.randn(1, self.noise_channels, steps, dtype=c.dtype, device=c.device)
        return self._cut(c.T[None], z)[0].T

    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F) and noise (B, T, in_channels) → samples (B, N), the first channel.

        Of the noise, the first of every `noise_upsample_factor` steps are read.
        """
        (noise,) = further
        return self._cut(feats.transpose(1, 2), noise[:, :: self.noise_upsample_factor].transpose(1, 2))[:, 0]

    def _cut(self, c: Tensor, z: Tensor) -> Tensor:
        """Samples of features (B, F, T), whose last frame is repeated until they are as long as the noise needs."""
        frames = c.shape[2]
        more = -frames % self.noise_upsample_factor
        last = c[:, :, -1:].expand(-1, -1, self.noise_upsample_factor)[:, :, :more]
        return self(torch.cat([c, last], dim=2), z)[:, :, : frames * self.upsample_factor]

    def further_inputs(self) -> tuple[Declared, ...]:
        """The noise."""
        return (Declared("noise_frames", ("batch", "frames", self.noise_channels), noise=True),)


class StyleMelGANDiscriminator(WeightNormed):
    """Discriminators of windows at random places, each of a number of bands.

    Args:
        repeats: how often windows are drawn.
        window_sizes: samples of each discriminator's window; all have equally many steps in their bands.
        pqmf_params: options of each discriminator's `PQMF`, from the number of bands on; 1 band: there are no filters.
        discriminator_params: options of the `MelGANDiscriminator`.
        use_weight_norm: split weights into gains and directions.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        repeats: int = 2,
        window_sizes: Sequence[int] = (512, 1024, 2048, 4096),
        pqmf_params: Sequence[Sequence[Any]] = BANDS,
        discriminator_params: dict[str, Any] | None = None,
        use_weight_norm: bool = True,
    ):
        super().__init__()
        require_positive(repeats=repeats)
        bands = [int(params[0] or 1) for params in pqmf_params]
        steps = {size / count for size, count in zip(window_sizes, bands, strict=False)}
        if len(window_sizes) != len(pqmf_params) or len(steps) != 1:
            raise UnfitOptionError(
                f"window_sizes: expected {len(pqmf_params)} that have equally many steps in {bands} bands, "
                f"found {list(window_sizes)}"
            )
        self.repeats = repeats
        self.window_sizes = tuple(window_sizes)
        self.pqmfs = nn.ModuleList(
            nn.Identity() if count == 1 else PQMF(*params) for count, params in zip(bands, pqmf_params, strict=True)
        )
        options = DISCRIMINATOR if discriminator_params is None else discriminator_params
        self.discriminators = nn.ModuleList(MelGANDiscriminator(**{**options, "in_channels": count}) for count in bands)
        self.reset_parameters()
        if use_weight_norm:
            self.apply_weight_norm()

    def reset_parameters(self) -> None:
        """Draw the weights that training starts from."""
        draw_weights(self, DEVIATION)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Samples (B, 1, N) → the results of each discriminator, for each time that windows are drawn."""
        return [
            discriminator(pqmf.analysis(window) if isinstance(pqmf, PQMF) else window)
            for _ in range(self.repeats)
            for pqmf, discriminator, size in zip(self.pqmfs, self.discriminators, self.window_sizes, strict=True)
            for window in (_window(x, size),)
        ]


def _window(x: Tensor, size: int) -> Tensor:
    """`size` samples from a random one on."""
    start = np.random.randint(x.shape[-1] - size)
    return x[..., start : start + size]
