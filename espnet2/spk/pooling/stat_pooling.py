"""Mean and standard deviation of the frames (Snyder et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor
from typeguard import typechecked

from espnet2.spk.layers.statistics import FrameStatistics
from espnet2.spk.pooling.abs_pooling import AbsPooling

LEAST = torch.finfo(torch.float32).eps  # of a variance


class StatsPooling(AbsPooling):
    """Mean and standard deviation of frames of size `input_size`."""

    @typechecked
    def __init__(self, input_size: int = 1536):
        super().__init__()
        self._output_size = 2 * input_size

    def forward(self, x: Tensor, feat_lengths: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """See `AbsPooling.forward`; C is 2 D."""
        statistics = FrameStatistics(x, feat_lengths, lengths)
        mean = statistics.mean(x)
        variance = statistics.mean((x - mean).square())
        return torch.cat([mean, variance.clamp(LEAST).sqrt()], dim=1).squeeze(-1)
