"""RawNet3 (Jung et al. 2022), behind a front end of learned filters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive
from espnet2.interface.spec import Length
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder
from espnet2.spk.layers.padding import frames_and_lengths
from espnet2.spk.layers.rawnet_block import Bottle2neck

BLOCKS = {"Bottle2neck": Bottle2neck}
POOLED = (5, 3)  # frames that the first two blocks make one of


class RawNet3Encoder(AbsSpeakerEncoder):
    """Convolutions over time in three blocks, two of which pool; their outputs are combined.

    Args:
        input_size: F, size of the features.
        block: `Bottle2neck`.
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
        block: str = "Bottle2neck",
        model_scale: int = 8,
        ndim: int = 1024,
        output_size: int = 1536,
        **kwargs: Any,
    ):
        super().__init__()
        require_positive(model_scale=model_scale, ndim=ndim, output_size=output_size)
        make = choose("block", block, BLOCKS)
        self.input_size, self._output_size = input_size, output_size
        self.layer1 = make(input_size, ndim, kernel_size=3, dilation=2, scale=model_scale, pool=POOLED[0])
        self.layer2 = make(ndim, ndim, kernel_size=3, dilation=3, scale=model_scale, pool=POOLED[1])
        self.layer3 = make(ndim, ndim, kernel_size=3, dilation=4, scale=model_scale)
        self.layer4 = nn.Conv1d(3 * ndim, output_size, kernel_size=1)
        self.mp3 = nn.MaxPool1d(POOLED[1])
        self.relu = nn.ReLU()
        self.length: Length = self.layer1.length.then(self.layer2.length)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; 15 frames become one."""
        x, lengths = frames_and_lengths(x, lengths)
        first, lengths = self.layer1(x, lengths), self.layer1.length(lengths)
        second, lengths = self.layer2(first, lengths), self.layer2.length(lengths)
        pooled = self.mp3(first)
        third = self.layer3(pooled + second, lengths)
        return self.relu(self.layer4(torch.cat([pooled, second, third], dim=1)))
