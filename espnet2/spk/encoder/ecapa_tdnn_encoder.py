"""ECAPA-TDNN (Desplanques et al. 2020)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet2.interface.spec import Length
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.layers.ecapa_block import EcapaBlock
from espnet2.spk.layers.padding import frames_and_lengths, padding_of, silent

BLOCKS = {"EcapaBlock": EcapaBlock}


class EcapaTdnnEncoder(AbsSpeakerEncoder):
    """Convolutions over time in three blocks of growing dilation, whose outputs are combined.

    Args:
        input_size: F, size of the features.
        block: `EcapaBlock`.
        model_scale: groups of channels in a block.
        ndim: channels of a block.
        output_size: D.
        kwargs: not read.

    Raises:
        ValueError: an unknown block, or a size below 1.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        block: str = "EcapaBlock",
        model_scale: int = 8,
        ndim: int = 1024,
        output_size: int = 1536,
        **kwargs: Any,
    ):
        super().__init__()
        require_positive(model_scale=model_scale, ndim=ndim, output_size=output_size)
        make = choose("block", block, BLOCKS)
        self.input_size, self._output_size, self.length = input_size, output_size, Length()
        self.conv = nn.Conv1d(input_size, ndim, kernel_size=5, padding=2)
        self.relu = nn.ReLU()
        self.bn = nn.BatchNorm1d(ndim)
        self.layer1 = make(ndim, ndim, kernel_size=3, dilation=2, scale=model_scale)
        self.layer2 = make(ndim, ndim, kernel_size=3, dilation=3, scale=model_scale)
        self.layer3 = make(ndim, ndim, kernel_size=3, dilation=4, scale=model_scale)
        self.layer4 = nn.Conv1d(3 * ndim, output_size, kernel_size=1)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; T' is T."""
        x, lengths = frames_and_lengths(x, lengths)
        x = self.bn(self.relu(self.conv(silent(x, padding_of(x, lengths)))))
        first = self.layer1(x, lengths)
        second = self.layer2(x + first, lengths)
        third = self.layer3(x + first + second, lengths)
        return self.relu(self.layer4(torch.cat([first, second, third], dim=1)))
