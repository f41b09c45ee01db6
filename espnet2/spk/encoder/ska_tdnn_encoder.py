"""SKA-TDNN: ECAPA-TDNN with selective kernel attention (Mun et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet2.interface.spec import Length
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.layers.ecapa_block import SEModule
from espnet2.spk.layers.padding import frames_and_lengths, padding_of, silent
from espnet2.spk.layers.selective_kernel import SKAttentionModule, convolutions, cwSKAttention, fwSKAttention

HALVED = Length.conv(3, 2, 1)  # by each of the two convolutions of the front


class Bottle2neck(nn.Module):
    """Convolutions of several widths over several scales, squeeze and excitation, and a residual connection.

    Args:
        inplanes, planes: channels of the input and of the output.
        kernel_sizes: of the convolutions that attention selects from.
        dilation: of them.
        scale: groups of channels; the last one is passed on as it is.
    """

    def __init__(
        self, inplanes: int, planes: int, kernel_sizes: Sequence[int] = (5, 7), dilation: int = 1, scale: int = 8
    ):
        super().__init__()
        width = planes // scale
        self.conv1 = nn.Conv1d(inplanes, width * scale, 1)
        self.relu = nn.ReLU()
        self.bn1 = nn.BatchNorm1d(width * scale)
        self.skconvs = nn.ModuleList(
            convolutions(nn.Conv1d, nn.BatchNorm1d, width, kernel_sizes, dilation) for _ in range(scale - 1)
        )
        self.skse = SKAttentionModule(width, num_kernels=len(kernel_sizes))
        self.conv3 = nn.Conv1d(width * scale, planes, 1)
        self.bn3 = nn.BatchNorm1d(planes)
        self.se = SEModule(planes)
        self.scale = scale

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, D, T) with its padding (B, 1, T) → (B, D, T)."""
        *groups, last = self.bn1(self.relu(self.conv1(x))).chunk(self.scale, dim=1)
        outputs: list[Tensor] = []
        for group, convs in zip(groups, self.skconvs, strict=True):
            outputs.append(self.skse(group + outputs[-1] if outputs else group, convs, padding))
        combined = self.bn3(self.relu(self.conv3(torch.cat([*outputs, last], dim=1))))
        return self.se(combined, padding) + x


class ResBlock(nn.Module):
    """A convolution over frequency and time, attention to frequencies and channels, and a residual connection.

    Args:
        inplanes, planes: channels of the input and of the output.
        skfwse_freq: frequencies.
        skcwse_channel: channels that attention reads.
    """

    def __init__(self, inplanes: int, planes: int, skfwse_freq: int = 40, skcwse_channel: int = 128):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.skfwse = fwSKAttention(skfwse_freq, skcwse_channel)
        self.skcwse = cwSKAttention(skfwse_freq, skcwse_channel)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, C, F, T) with its padding (B, 1, 1, T) → (B, C, F, T)."""
        inner = self.bn1(self.relu(self.conv1(silent(x, padding))))
        return self.relu(self.skcwse(self.skfwse(inner, padding), padding) + x)


BLOCKS = {"Bottle2neck": Bottle2neck}
SKA_BLOCKS = {"ResBlock": ResBlock}


class SkaTdnnEncoder(AbsSpeakerEncoder):
    """A front of convolutions over frequency and time, and three blocks over time whose outputs are combined.

    Args:
        input_size: F, size of the features, a multiple of 4.
        block: `Bottle2neck`, of the three blocks.
        ndim: their channels.
        model_scale: groups of channels in them.
        skablock: `ResBlock`, of the front.
        ska_dim: its channels.
        output_size: D.
        kwargs: not read.

    Raises:
        ValueError: an unknown block, or an unfit size.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        block: str = "Bottle2neck",
        ndim: int = 1024,
        model_scale: int = 8,
        skablock: str = "ResBlock",
        ska_dim: int = 128,
        output_size: int = 1536,
        **kwargs: Any,
    ):
        super().__init__()
        require_positive(ndim=ndim, model_scale=model_scale, ska_dim=ska_dim, output_size=output_size)
        if input_size < 1 or input_size % 4:
            raise ValueError(f"input_size: expected a multiple of 4, which ska_tdnn needs, found {input_size}")
        make, make_ska = choose("block", block, BLOCKS), choose("skablock", skablock, SKA_BLOCKS)
        self.input_size, self._output_size, self.length = input_size, output_size, HALVED
        self.frt_conv1 = nn.Conv2d(1, ska_dim, 3, stride=(2, 1), padding=1)
        self.frt_bn1 = nn.BatchNorm2d(ska_dim)
        self.frt_block1 = make_ska(ska_dim, ska_dim, input_size // 2, ska_dim)
        self.frt_block2 = make_ska(ska_dim, ska_dim, input_size // 2, ska_dim)
        self.frt_conv2 = nn.Conv2d(ska_dim, ska_dim, 3, stride=2, padding=1)
        self.frt_bn2 = nn.BatchNorm2d(ska_dim)
        self.conv1 = nn.Conv1d(ska_dim * input_size // 4, ndim, kernel_size=5, padding=2)
        self.relu = nn.ReLU()
        self.bn1 = nn.BatchNorm1d(ndim)
        self.layer1 = make(ndim, ndim, dilation=2, scale=model_scale)
        self.layer2 = make(ndim, ndim, dilation=3, scale=model_scale)
        self.layer3 = make(ndim, ndim, dilation=4, scale=model_scale)
        self.layer4 = nn.Conv1d(3 * ndim, output_size, kernel_size=1)

    def front(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Features (B, F, T) of `lengths` (B,) → (B, D, T')."""
        x = silent(x, padding_of(x, lengths)).unsqueeze(1)
        padding = padding_of(x, lengths)
        x = self.frt_bn1(self.relu(self.frt_conv1(x)))
        x = self.frt_block2(self.frt_block1(x, padding), padding)
        return self.frt_bn2(self.relu(self.frt_conv2(silent(x, padding)))).flatten(1, 2)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; two frames become one."""
        x, lengths = frames_and_lengths(x, lengths)
        x = self.front(x, lengths)
        padding = padding_of(x, self.length(lengths))
        x = self.bn1(self.relu(self.conv1(silent(x, padding))))
        first = self.layer1(x, padding)
        second = self.layer2(x + first, padding)
        third = self.layer3(x + first + second, padding)
        return self.relu(self.layer4(torch.cat([first, second, third], dim=1)))
