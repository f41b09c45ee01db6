"""Convolutional feature extractor of wav2vec 2.0 (Baevski et al. 2020)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask
from espnet.nets.pytorch_backend.pretrained.waveform import (
    BASE_CONVOLUTIONS,
    ChannelNorm,
    SampleConv,
    TimeNorm,
    scaled_over_time,
)
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.interface.spec import Length
from espnet2.layers.frequency import parse_frequency

FLOOR = 1e-5  # added to the variance of the samples
# Normalisation after the first convolution, and after the others.
NORMS: dict[str, tuple[type[TimeNorm] | type[ChannelNorm], type[ChannelNorm] | None]] = {
    "layer_norm": (ChannelNorm, ChannelNorm),
    "group_norm": (TimeNorm, None),
}
# Groups of a convolution by its input channels.
GROUPS: dict[str, Callable[[int], int]] = {"standard": lambda channels: 1, "depth_only": lambda channels: channels}


class CNNFrontend(AbsFrontend):
    """Convolutions, each followed by normalisation and GELU.

    Args:
        norm_mode: `layer_norm` normalises every frame after each convolution; `group_norm` every channel over time,
            after the first one only.
        conv_mode: `standard`, or `depth_only`, where each channel is convolved by itself.
        bias: whether convolutions have a bias.
        shapes: channels, kernel and stride of each convolution.
        fs: sampling rate; without effect.
        normalize_audio: scale the samples of an utterance to mean 0 and variance 1 first.
        normalize_output: normalise the features.
        layer_norm_cls: how upstream implements layer normalisation; without effect on numbers.

    Raises:
        ValueError: an unknown name (`depth_sep` is one: upstream cannot build it), or impossible `shapes`.
    """

    @typechecked
    def __init__(
        self,
        norm_mode: str,
        conv_mode: str,
        bias: bool,
        shapes: Sequence[Sequence[int]] = BASE_CONVOLUTIONS,
        fs: int | str = 16000,
        normalize_audio: bool = False,
        normalize_output: bool = False,
        layer_norm_cls: Literal["transposed", "dim1"] = "transposed",
    ):
        super().__init__()
        norms, groups = choose("norm_mode", norm_mode, NORMS), choose("conv_mode", conv_mode, GROUPS)
        self.fs = parse_frequency(fs)
        self.normalize_audio = normalize_audio
        layers, given = [], 1
        for index, shape in enumerate(shapes):
            channels, kernel, stride = _checked(shape, groups(given))
            make_norm: Any = norms[min(index, 1)]
            conv = nn.Conv1d(given, channels, kernel, stride, groups=groups(given), bias=bias)
            layers.append(SampleConv(conv, "conv", None if make_norm is None else make_norm(channels), "layer_norm"))
            given = channels
        if not layers:
            raise ValueError("shapes: expected at least one convolution, found none")
        self.size = given
        self.layers = nn.Sequential(*layers)
        self.final_norm = nn.LayerNorm(given) if normalize_output else nn.Identity()
        self.length = functools.reduce(Length.then, (layer.length for layer in layers))

    def output_size(self) -> int:
        """Channels of the last convolution."""
        return self.size

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N) and lengths (B,) to features (B, T, C), zero beyond each utterance, and lengths (B,)."""
        x, lengths = input.unsqueeze(1), input_lengths
        if self.normalize_audio:
            x = scaled_over_time(x, lengths, FLOOR)
        for layer in self.layers:
            x, lengths = layer(x, lengths)
        features = self.final_norm(x.transpose(1, 2))
        return features.masked_fill(make_pad_mask(lengths, x.shape[-1]).unsqueeze(-1), 0.0), lengths


def _checked(shape: Sequence[int], groups: int) -> tuple[int, int, int]:
    """Channels, kernel and stride of a convolution."""
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shapes: expected channels, kernel and stride of each convolution, found {list(shape)}")
    channels, kernel, stride = shape
    if channels % groups:
        raise ValueError(
            f"shapes: expected multiples of the {groups} channels before, for depth_only, found {channels}"
        )
    return channels, kernel, stride
