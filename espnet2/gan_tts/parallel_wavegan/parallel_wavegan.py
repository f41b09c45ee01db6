"""Parallel WaveGAN (Yamamoto et al. 2020): generator and discriminator."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, choose, require_positive
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.residual_block import make_activation
from espnet2.gan_tts.melgan.residual_stack import SLOPE
from espnet2.gan_tts.parallel_wavegan.upsample import NETWORKS
from espnet2.gan_tts.vocoder import AbsVocoder, Stage, receptive_field
from espnet2.gan_tts.wavenet.residual_block import Conv1d1x1, ResidualBlock
from espnet2.gan_tts.weight_norm import NormedConv1d, WeightNormed
from espnet2.interface.spec import Tensor as Declared

SCALES = (4, 4, 4, 4)


class ParallelWaveGANGenerator(AbsVocoder):
    """Noise to samples, by residual blocks of WaveNet that read features.

    Args:
        in_channels, out_channels: of the noise and of the samples.
        kernel_size: of the residual blocks, odd.
        layers: residual blocks, a multiple of `stacks`.
        stacks: how often the dilation starts again from 1.
        residual_channels, gate_channels, skip_channels, aux_channels, bias: see `ResidualBlock`; F is `aux_channels`.
        aux_context_window: frames on each side that the first convolution of the upsampling network reads.
        dropout_rate: dropout of each block's input.
        use_weight_norm: split weights into gains and directions, as training and checkpoints have them.
        upsample_conditional_features: whether a network gives features the rate of samples; else they have it.
        upsample_net, upsample_params: a name in `NETWORKS`, and its options.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int = 3,
        layers: int = 30,
        stacks: int = 3,
        residual_channels: int = 64,
        gate_channels: int = 128,
        skip_channels: int = 64,
        aux_channels: int = 80,
        aux_context_window: int = 2,
        dropout_rate: float = 0.0,
        bias: bool = True,
        use_weight_norm: bool = True,
        upsample_conditional_features: bool = True,
        upsample_net: str = "ConvInUpsampleNetwork",
        upsample_params: dict[str, Any] | None = None,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, aux_channels=aux_channels)
        if stacks < 1 or layers < 1 or layers % stacks:
            raise UnfitOptionError(f"layers: expected a multiple of stacks {stacks}, found {layers}")
        dilations = [2 ** (layer % (layers // stacks)) for layer in range(layers)]
        self.in_channels = aux_channels
        self.noise_channels = in_channels
        self.reach = same_padding(kernel_size) * sum(dilations)  # samples on each side
        self.scale = math.sqrt(1.0 / layers)
        self.upsample_factor = 1
        self.upsample_net = None
        self.first_conv = Conv1d1x1(in_channels, residual_channels, bias=True)
        if upsample_conditional_features:
            params = {"upsample_scales": SCALES, **(upsample_params or {})}
            network = choose("upsample_net", upsample_net, NETWORKS)
            if upsample_net == "ConvInUpsampleNetwork":
                params |= {"aux_channels": aux_channels, "aux_context_window": aux_context_window}
            self.upsample_net = network(**params)
            self.upsample_factor = math.prod(params["upsample_scales"])
        self.conv_layers = nn.ModuleList(
            ResidualBlock(
                kernel_size=kernel_size,
                residual_channels=residual_channels,
                gate_channels=gate_channels,
                skip_channels=skip_channels,
                aux_channels=aux_channels,
                dropout_rate=dropout_rate,
                dilation=dilation,
                bias=bias,
                scale_residual=True,
            )
            for dilation in dilations
        )
        between = Conv1d1x1(skip_channels, skip_channels, bias=True)
        last = Conv1d1x1(skip_channels, out_channels, bias=True)
        self.last_conv_layers = nn.ModuleList([nn.ReLU(), between, nn.ReLU(), last])
        if use_weight_norm:
            self.apply_weight_norm()
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Join the last convolutions of residual blocks, which are two in the package parallel_wavegan."""
        for index in range(len(self.conv_layers)):
            block = f"{prefix}conv_layers.{index}."
            for name in ("weight", "weight_g", "weight_v", "bias"):
                skip = state.pop(f"{block}conv1x1_skip.{name}", None)
                if skip is not None:
                    out = f"{block}conv1x1_out.{name}"
                    state[out] = torch.cat([state[out], skip])

    @property
    def receptive_field(self) -> int | None:
        if self.upsample_net is None:
            return self.reach
        return (
            receptive_field([*self.upsample_net.stages(), Stage(self.reach)]) if self.upsample_net.is_nearest else None
        )

    def further_inputs(self) -> tuple[Declared, ...]:
        """The noise of each sample, by frames."""
        return (Declared("noise_samples", ("batch", "frames", self._noise_of_frame), noise=True),)

    @property
    def _noise_of_frame(self) -> int:
        return self.noise_channels * self.upsample_factor

    def forward(self, c: Tensor, z: Tensor | None = None) -> Tensor:
        """Features c (B, F, T) and noise z (B, in_channels, N), drawn where there is none → (B, out_channels, N)."""
        if z is None:
            z = torch.randn(
                len(c), self.noise_channels, c.shape[2] * self.upsample_factor, dtype=c.dtype, device=c.device
            )
        if self.upsample_net is not None:
            c = self.upsample_net(c)
        # Images of one row, as `NormedConv1d` says.
        x, c = self.first_conv(z.unsqueeze(2)), c.unsqueeze(2)
        skips = torch.zeros(())
        for layer in self.conv_layers:
            x, skip = layer(x, c=c)
            skips = skips + skip
        x = skips * self.scale
        for layer in self.last_conv_layers:
            x = layer(x)
        return x.squeeze(2)

    def inference(self, c: Tensor, z: Tensor | None = None) -> Tensor:
        """Features c (T, F) and noise z (N, in_channels), drawn where there is none → samples (N, out_channels)."""
        return self(c.T[None], None if z is None else z.T[None])[0].T

    def generate(self, feats: Tensor, *further: Tensor) -> Tensor:
        """Features (B, T, F) and noise (B, T, in_channels · hop) → samples (B, N), the first channel.

        The noise of each frame is by sample, then by channel.
        """
        (noise,) = further
        z = noise.reshape(len(noise), -1, self.noise_channels).transpose(1, 2)
        return self(feats.transpose(1, 2), z)[:, 0]


class ParallelWaveGANDiscriminator(WeightNormed):
    """Dilated convolutions.

    Args:
        in_channels, out_channels: of the samples and of the result.
        kernel_size: of all convolutions, odd.
        layers: convolutions.
        conv_channels: channels between them.
        dilation_factor: factor between dilations; 1: they are 1, 1, 2, 3, ...
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        bias: whether convolutions have one.
        use_weight_norm: split weights into gains and directions.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_size: int = 3,
        layers: int = 10,
        conv_channels: int = 64,
        dilation_factor: int = 1,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        bias: bool = True,
        use_weight_norm: bool = True,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, conv_channels=conv_channels)
        require_positive(layers=layers, dilation_factor=dilation_factor)
        padding = same_padding(kernel_size)
        params = SLOPE if nonlinear_activation_params is None else nonlinear_activation_params
        self.conv_layers = nn.ModuleList()
        channels = in_channels
        for layer in range(layers - 1):
            dilation = max(layer, 1) if dilation_factor == 1 else dilation_factor**layer
            self.conv_layers.append(
                NormedConv1d(
                    channels, conv_channels, kernel_size, padding=padding * dilation, dilation=dilation, bias=bias
                )
            )
            self.conv_layers.append(make_activation(nonlinear_activation, params))
            channels = conv_channels
        self.conv_layers.append(NormedConv1d(channels, out_channels, kernel_size, padding=padding, bias=bias))
        if use_weight_norm:
            self.apply_weight_norm()

    def forward(self, x: Tensor) -> Tensor:
        """Samples (B, 1, N) → (B, 1, N)."""
        for layer in self.conv_layers:
            x = layer(x)
        return x
