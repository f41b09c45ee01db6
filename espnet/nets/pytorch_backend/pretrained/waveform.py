"""Encoders of waveforms: wav2vec 2.0 (Baevski et al. 2020) and HuBERT (Hsu et al. 2021), which are one network."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import gelu

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.pretrained.context import ContextNetwork
from espnet.nets.pytorch_backend.pretrained.layer import PretrainedLayer, ProjAttention
from espnet.nets.pytorch_backend.pretrained.names import Names
from espnet.nets.pytorch_backend.state_names import attach
from espnet.nets.pytorch_backend.transformer.positional_convolution import PositionalConv
from espnet2.interface.spec import Length

BASE_CONVOLUTIONS = ((512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2)


@dataclass(frozen=True)
class WaveformSizes:
    """Sizes of a waveform network.

    Attributes:
        size: D.
        heads: H.
        units: size between the feed-forward layers.
        layers: number of layers.
        normalize_before: whether layers normalise their input (True) or their output.
        norm: "group", over time and after the first convolution only, or "layer", after every one.
        convolutions: channels, kernel and stride of each convolution.
        conv_bias: whether these have a bias.
        positional_kernel, positional_groups: of the convolution that encodes positions.
    """

    size: int = 768
    heads: int = 12
    units: int = 3072
    layers: int = 12
    normalize_before: bool = False
    norm: str = "group"
    convolutions: tuple[tuple[int, int, int], ...] = BASE_CONVOLUTIONS
    conv_bias: bool = False
    positional_kernel: int = 128
    positional_groups: int = 16

    def __post_init__(self) -> None:
        choose("norm", self.norm, {"group": 0, "layer": 1})
        require_positive(size=self.size, units=self.units)


def require_convolutions(option: str, convolutions: Sequence[Sequence[int]]) -> None:
    """Raise a `ValueError` that names `option` unless it describes at least one convolution."""
    for convolution in convolutions:
        if len(convolution) != 3 or min(convolution) < 1:
            raise ValueError(f"{option}: expected channels, kernel and stride of each, found {list(convolution)}")
    if not convolutions:
        raise ValueError(f"{option}: expected at least one convolution, found none")


LARGE = WaveformSizes(1024, 16, 4096, 24)
LARGE_LAYER_NORM = WaveformSizes(1024, 16, 4096, 24, True, "layer", conv_bias=True)


def scaled_over_time(x: Tensor, lengths: Tensor, floor: float) -> Tensor:
    """Scale x (B, C, T) to mean 0 and variance 1 over each utterance's own steps; `floor` is added to the variance."""
    padding = make_pad_mask(lengths, x.shape[-1]).unsqueeze(1)
    count = lengths.view(-1, 1, 1).to(x.dtype)
    centred = x - x.masked_fill(padding, 0.0).sum(dim=-1, keepdim=True) / count
    variance = centred.masked_fill(padding, 0.0).square().sum(dim=-1, keepdim=True) / count
    return centred * (variance + floor).rsqrt()


class TimeNorm(nn.GroupNorm):
    """Group normalisation of each channel over an utterance's own frames (Wu and He 2018)."""

    def __init__(self, channels: int):
        super().__init__(channels, channels)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """x (B, C, T), lengths (B,) → (B, C, T)."""
        return scaled_over_time(x, lengths, self.eps) * self.weight.unsqueeze(-1) + self.bias.unsqueeze(-1)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of every frame over its channels (Ba et al. 2016)."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """x (B, C, T) → (B, C, T)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class SampleConv(nn.Module):
    """Convolution, normalisation where `norm` is given, GELU.

    Args:
        conv: convolution without padding.
        conv_path, norm_path: names of convolution and normalisation in checkpoints.
    """

    def __init__(self, conv: nn.Conv1d, conv_path: str, norm: TimeNorm | ChannelNorm | None, norm_path: str):
        super().__init__()
        self.length = Length.conv(conv.kernel_size[0], conv.stride[0])
        self.conv_path = conv_path
        self.norm_path = "" if norm is None else norm_path
        attach(self, conv_path, conv)
        if norm is not None:
            attach(self, norm_path, norm)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, T), lengths (B,) → (B, C', T'), lengths (B,)."""
        x, lengths = self.get_submodule(self.conv_path)(x), self.length(lengths)
        return gelu(self.get_submodule(self.norm_path)(x, lengths) if self.norm_path else x), lengths


class WaveformNetwork(ContextNetwork):
    """Convolutional feature extractor over samples, followed by the context network.

    Args:
        sizes: sizes of the network.
        names: names of the submodules in checkpoints.
        always_project: project features even where they have size D.
    """

    EXTRACTOR = "feature_extractor.conv_layers"

    def __init__(self, sizes: WaveformSizes, names: Names, always_project: bool = True):
        super().__init__(
            sizes.convolutions[-1][0],
            sizes.size,
            names,
            PositionalConv(sizes.size, sizes.positional_kernel, sizes.positional_groups, names.gain, names.direction),
            lambda: PretrainedLayer(
                sizes.size,
                ProjAttention(sizes.heads, sizes.size, 0.0),
                sizes.units,
                names.layer,
                sizes.normalize_before,
            ),
            sizes.layers,
            sizes.normalize_before,
            always_project,
        )
        self.size = sizes.size
        convolutions = list(_convolutions(sizes, names))
        attach(self, self.EXTRACTOR, nn.ModuleList(convolutions))
        self.length = functools.reduce(Length.then, (conv.length for conv in convolutions))

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N), lengths (B,) → (B, T, D), lengths (B,)."""
        x = samples.unsqueeze(1)
        for conv in self.part(self.EXTRACTOR).children():
            x, lengths = conv(x, lengths)
        padding = make_pad_mask(lengths, x.shape[-1])
        return self.contextualize(x.transpose(1, 2), padding), lengths.clamp(min=0)


def _convolutions(sizes: WaveformSizes, names: Names) -> Sequence[SampleConv]:
    given, made = 1, []
    for index, (channels, kernel, stride) in enumerate(sizes.convolutions):
        conv = nn.Conv1d(given, channels, kernel, stride, bias=sizes.conv_bias)
        norm: TimeNorm | ChannelNorm | None = ChannelNorm(channels) if sizes.norm == "layer" else None
        if sizes.norm == "group" and index == 0:
            norm = TimeNorm(channels)
        made.append(SampleConv(conv, names.conv, norm, getattr(names, f"{sizes.norm}_norm")))
        given = channels
    return made
