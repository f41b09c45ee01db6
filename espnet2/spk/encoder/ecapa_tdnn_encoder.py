"""ECAPA-TDNN (Desplanques et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
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
LEAST_BLOCKS = 3


class EcapaTdnnEncoder(AbsSpeakerEncoder):
    """Convolutions over time in blocks of growing dilation, whose outputs are combined.

    Args:
        input_size: F, size of the features.
        block: `EcapaBlock`.
        model_scale: groups of channels in a block.
        ndim: channels of a block.
        output_size: D.
        num_blocks: at least 3; as many as `dilations` by default.
        dilations: of the blocks; 2, 3, 4 and so on by default.
        kwargs: not read.

    Raises:
        ValueError: an unknown block, a size below 1, or blocks and dilations that do not go together.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        block: str = "EcapaBlock",
        model_scale: int = 8,
        ndim: int = 1024,
        output_size: int = 1536,
        num_blocks: int | None = None,
        dilations: Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        require_positive(model_scale=model_scale, ndim=ndim, output_size=output_size)
        make = choose("block", block, BLOCKS)
        self.input_size, self._output_size, self.length = input_size, output_size, Length()
        self.conv = nn.Conv1d(input_size, ndim, kernel_size=5, padding=2)
        self.relu = nn.ReLU()
        self.bn = nn.BatchNorm1d(ndim)
        chosen = _dilations(num_blocks, dilations)
        blocks = [make(ndim, ndim, kernel_size=3, dilation=dilation, scale=model_scale) for dilation in chosen]
        self.layer1, self.layer2, self.layer3, *further = blocks
        self.extra_layers = nn.ModuleList(further)
        self.layer4 = nn.Conv1d(len(blocks) * ndim, output_size, kernel_size=1)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; T' is T."""
        x, lengths = frames_and_lengths(x, lengths)
        x = self.bn(self.relu(self.conv(silent(x, padding_of(x, lengths)))))
        outputs: list[Tensor] = []
        for layer in (self.layer1, self.layer2, self.layer3, *self.extra_layers):
            outputs.append(layer(x, lengths))
            x = x + outputs[-1]
        return self.relu(self.layer4(torch.cat(outputs, dim=1)))


def _dilations(num_blocks: int | None, dilations: Sequence[int] | None) -> list[int]:
    """Dilations of the blocks."""
    count = len(dilations or (2, 3, 4)) if num_blocks is None else num_blocks
    chosen = list(range(2, 2 + count) if dilations is None else dilations)
    if count < LEAST_BLOCKS or len(chosen) != count:
        found = f"{count} blocks and dilations {chosen}"
        raise ValueError(f"num_blocks, dilations: expected at least {LEAST_BLOCKS} blocks, one each, found {found}")
    return chosen
