"""Discriminators of HiFi-GAN (Kong et al. 2020, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils import remove_spectral_norm, spectral_norm
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, choose, require_positive
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet2.gan_tts.hifigan.residual_block import make_activation
from espnet2.gan_tts.weight_norm import NormedConv1d, NormedConv2d, normed_modules

SLOPE = {"negative_slope": 0.1}
POOLINGS = {name: getattr(nn, name) for name in ("AvgPool1d", "MaxPool1d")}
HALF = {"kernel_size": 4, "stride": 2, "padding": 2}


class NormedDiscriminator(nn.Module):
    """Base of discriminators whose convolutions have weight norm, spectral norm (Miyato et al. 2018) or neither."""

    def normalize(self, use_weight_norm: bool, use_spectral_norm: bool) -> None:
        """Apply the norm that the options ask for; raises `UnfitOptionError` for both."""
        if use_weight_norm and use_spectral_norm:
            raise UnfitOptionError("use_weight_norm, use_spectral_norm: expected at most one of them, found both")
        self.has_spectral_norm = False
        if use_weight_norm:
            self.apply_weight_norm()
        if use_spectral_norm:
            self.apply_spectral_norm()

    def apply_weight_norm(self) -> None:
        """Split the weights of all convolutions into gains and directions."""
        for module in normed_modules(self):
            module.apply_weight_norm()

    def remove_weight_norm(self) -> None:
        """Fold the gains and directions of all convolutions."""
        for module in normed_modules(self):
            module.remove_weight_norm()

    def apply_spectral_norm(self) -> None:
        """Divide the weights of all convolutions by their largest singular values."""
        for module in normed_modules(self):
            spectral_norm(module)
        self.has_spectral_norm = True

    def remove_spectral_norm(self) -> None:
        """Fold the division by singular values into the weights."""
        if self.has_spectral_norm:
            for module in normed_modules(self):
                remove_spectral_norm(module)
                module._load_state_dict_pre_hooks.clear()  # PyTorch leaves one that asks for the norm's tensors
            self.has_spectral_norm = False


class HiFiGANPeriodDiscriminator(NormedDiscriminator):
    """Convolutions over every `period`-th sample.

    Args:
        in_channels, out_channels: of the samples and of the result.
        period: distance of the samples that a convolution reads together.
        kernel_sizes: of the strided convolutions, and of the last one plus 1; both odd.
        channels: of the first convolution; each next one has four times as many, at most `max_downsample_channels`.
        downsample_scales: strides, one for each convolution.
        bias: not read; all convolutions have one, as upstream's.
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        use_weight_norm, use_spectral_norm: the norm of all weights.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        period: int = 3,
        kernel_sizes: Sequence[int] = (5, 3),
        channels: int = 32,
        downsample_scales: Sequence[int] = (3, 3, 3, 3, 1),
        max_downsample_channels: int = 1024,
        bias: bool = True,
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        use_weight_norm: bool = True,
        use_spectral_norm: bool = False,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, channels=channels, period=period)
        if len(kernel_sizes) != 2:
            raise UnfitOptionError(f"kernel_sizes: expected two, found {list(kernel_sizes)}")
        params = SLOPE if nonlinear_activation_params is None else nonlinear_activation_params
        first, last = kernel_sizes
        paddings = same_padding(first), same_padding(last)
        self.period = period
        self.convs = nn.ModuleList()
        before, size = in_channels, channels
        for scale in downsample_scales:
            conv = NormedConv2d(before, size, (first, 1), (scale, 1), (paddings[0], 0))
            self.convs.append(nn.Sequential(conv, make_activation(nonlinear_activation, params)))
            before, size = size, min(size * 4, max_downsample_channels)
        self.output_conv = NormedConv2d(before, out_channels, (last - 1, 1), 1, (paddings[1], 0))
        self.normalize(use_weight_norm, use_spectral_norm)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Samples (B, 1, N) → each convolution's result (B, C, T, period), and the last one's (B, T')."""
        x = pad(x, (0, -x.shape[-1] % self.period), mode="reflect").unflatten(-1, (-1, self.period))
        outs = []
        for conv in self.convs:
            x = conv(x)
            outs.append(x)
        return [*outs, self.output_conv(x).flatten(1)]


class HiFiGANMultiPeriodDiscriminator(nn.Module):
    """A `HiFiGANPeriodDiscriminator` of `discriminator_params` for each of `periods`."""

    @typechecked
    def __init__(self, periods: Sequence[int] = (2, 3, 5, 7, 11), discriminator_params: dict[str, Any] | None = None):
        super().__init__()
        params = {name: value for name, value in (discriminator_params or {}).items() if name != "period"}
        self.discriminators = nn.ModuleList(HiFiGANPeriodDiscriminator(period=period, **params) for period in periods)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Samples (B, 1, N) → the results of each discriminator."""
        return [discriminator(x) for discriminator in self.discriminators]


class HiFiGANScaleDiscriminator(NormedDiscriminator):
    """Strided convolutions in groups.

    Args:
        in_channels, out_channels: of the samples and of the result.
        kernel_sizes: of the first convolution, of the strided ones, and of the last two; all odd.
        channels: of the first convolution; each strided one doubles them, up to `max_downsample_channels`.
        max_groups: of channels, which are 4 in the first strided convolution and four times as many in each next one.
        bias: whether convolutions have one.
        downsample_scales: strides, one for each strided convolution.
        nonlinear_activation, nonlinear_activation_params: see `make_activation`.
        use_weight_norm, use_spectral_norm: the norm of all weights. Where a checkpoint has none, it is removed.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """

    @typechecked
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        kernel_sizes: Sequence[int] = (15, 41, 5, 3),
        channels: int = 128,
        max_downsample_channels: int = 1024,
        max_groups: int = 16,
        bias: bool = True,
        downsample_scales: Sequence[int] = (2, 2, 4, 4, 1),
        nonlinear_activation: str = "LeakyReLU",
        nonlinear_activation_params: dict[str, Any] | None = None,
        use_weight_norm: bool = True,
        use_spectral_norm: bool = False,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, channels=channels, max_groups=max_groups)
        if len(kernel_sizes) != 4:
            raise UnfitOptionError(f"kernel_sizes: expected four, found {list(kernel_sizes)}")
        params = SLOPE if nonlinear_activation_params is None else nonlinear_activation_params
        self.layers = nn.ModuleList()

        def layer(before: int, size: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
            conv = NormedConv1d(before, size, kernel, stride, same_padding(kernel), groups=groups, bias=bias)
            self.layers.append(nn.Sequential(conv, make_activation(nonlinear_activation, params)))

        layer(in_channels, channels, kernel_sizes[0])
        before, size, groups = channels, channels, 4
        for scale in downsample_scales:
            layer(before, size, kernel_sizes[1], scale, groups)
            before, size, groups = size, min(size * 2, max_downsample_channels), min(groups * 4, max_groups)
        layer(before, size, kernel_sizes[2])
        last = kernel_sizes[3]
        self.layers.append(NormedConv1d(size, out_channels, last, padding=same_padding(last), bias=bias))
        self.normalize(use_weight_norm, use_spectral_norm)
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Remove the norm where the weights of a checkpoint, as of releases before 202308, have none."""
        if f"{prefix}layers.0.0.weight" in state:
            self.remove_weight_norm()
            self.remove_spectral_norm()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Samples (B, 1, N) → each convolution's result (B, C, T)."""
        outs = []
        for layer in self.layers:
            x = layer(x)
            outs.append(x)
        return outs


class HiFiGANMultiScaleDiscriminator(nn.Module):
    """A `HiFiGANScaleDiscriminator` for the samples, and one for each further scale, which pooling gives.

    Args:
        scales: number of discriminators.
        downsample_pooling, downsample_pooling_params: a name in `POOLINGS`, and its options.
        discriminator_params: options of the discriminators.
        follow_official_norm: the first discriminator has spectral norm, the others have weight norm, as in the
            authors' code; else all have the norm of `discriminator_params`.
    """

    @typechecked
    def __init__(
        self,
        scales: int = 3,
        downsample_pooling: str = "AvgPool1d",
        downsample_pooling_params: dict[str, Any] | None = None,
        discriminator_params: dict[str, Any] | None = None,
        follow_official_norm: bool = False,
    ):
        super().__init__()
        require_positive(scales=scales)
        self.discriminators = nn.ModuleList()
        for index in range(scales):
            norm = {"use_weight_norm": index > 0, "use_spectral_norm": index == 0} if follow_official_norm else {}
            self.discriminators.append(HiFiGANScaleDiscriminator(**{**(discriminator_params or {}), **norm}))
        pooling = choose("downsample_pooling", downsample_pooling, POOLINGS)
        self.pooling = pooling(**(HALF if downsample_pooling_params is None else downsample_pooling_params))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Samples (B, 1, N) → the results of each discriminator."""
        outs = []
        for discriminator in self.discriminators:
            outs.append(discriminator(x))
            x = self.pooling(x)
        return outs


class HiFiGANMultiScaleMultiPeriodDiscriminator(nn.Module):
    """A `HiFiGANMultiScaleDiscriminator` and a `HiFiGANMultiPeriodDiscriminator` with their options."""

    @typechecked
    def __init__(
        self,
        scales: int = 3,
        scale_downsample_pooling: str = "AvgPool1d",
        scale_downsample_pooling_params: dict[str, Any] | None = None,
        scale_discriminator_params: dict[str, Any] | None = None,
        follow_official_norm: bool = True,
        periods: Sequence[int] = (2, 3, 5, 7, 11),
        period_discriminator_params: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.msd = HiFiGANMultiScaleDiscriminator(
            scales,
            scale_downsample_pooling,
            scale_downsample_pooling_params,
            scale_discriminator_params,
            follow_official_norm,
        )
        self.mpd = HiFiGANMultiPeriodDiscriminator(periods, period_discriminator_params)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """Samples (B, 1, N) → the results of each discriminator, those of scales first."""
        return [*self.msd(x), *self.mpd(x)]
