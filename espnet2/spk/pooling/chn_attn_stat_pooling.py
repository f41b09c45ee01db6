"""Attentive statistics of each channel, which see the whole utterance (Desplanques et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.spk.layers.padding import silent
from espnet2.spk.layers.statistics import FrameStatistics
from espnet2.spk.pooling.abs_pooling import AbsPooling

HIDDEN = 128
SEEN_LEAST, LEAST, MOST = torch.finfo(torch.float32).eps, 1e-4, 1e4  # of variances that attention sees, and of others


class ChnAttnStatPooling(AbsPooling):
    """Mean and standard deviation of frames of size `input_size`, weighted by attention in each channel."""

    @typechecked
    def __init__(self, input_size: int = 1536):
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(3 * input_size, HIDDEN, 1), nn.ReLU(), nn.BatchNorm1d(HIDDEN), nn.Conv1d(HIDDEN, input_size, 1)
        )
        self.softmax = nn.Softmax(dim=2)
        self._output_size = 2 * input_size

    def forward(self, x: Tensor, feat_lengths: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """See `AbsPooling.forward`; C is 2 D."""
        statistics = FrameStatistics(x, feat_lengths, lengths)
        x, mean, square = silent(x, statistics.padding), statistics.mean(x), statistics.mean(x.square())
        seen = [x, mean.expand_as(x), _deviation(mean, square, SEEN_LEAST).expand_as(x)]
        bias = attention_bias(~statistics.padding, x.dtype).squeeze(1)
        weights = self.softmax(self.attention(torch.cat(seen, dim=1)) + bias)
        mean, square = (x * weights).sum(dim=2), (x.square() * weights).sum(dim=2)
        return torch.cat([mean, _deviation(mean, square, LEAST)], dim=1)


def _deviation(mean: Tensor, square: Tensor, least: float) -> Tensor:
    """Standard deviation, from the mean and the mean square, of any shape; a variance is at least `least`."""
    return (square - mean.square()).clamp(least, MOST).sqrt()
