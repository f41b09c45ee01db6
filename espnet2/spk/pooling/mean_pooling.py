"""The mean of the frames."""

from __future__ import annotations

from torch import Tensor
from typeguard import typechecked

from espnet2.spk.layers.statistics import FrameStatistics
from espnet2.spk.pooling.abs_pooling import AbsPooling


class MeanPooling(AbsPooling):
    """The mean of frames of size `input_size`."""

    @typechecked
    def __init__(self, input_size: int = 1536):
        super().__init__()
        self._output_size = input_size

    def forward(self, x: Tensor, feat_lengths: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """See `AbsPooling.forward`; C is D."""
        return FrameStatistics(x, feat_lengths, lengths).mean(x).squeeze(-1)
