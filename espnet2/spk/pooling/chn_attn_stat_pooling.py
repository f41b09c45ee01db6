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
        x, mean = silent(x, statistics.padding), statistics.mean(x)
        deviation = statistics.variance_around(x, mean).clamp(SEEN_LEAST, MOST).sqrt()
        seen = torch.cat([x, mean.expand_as(x), deviation.expand_as(x)], dim=1)
        bias = attention_bias(~statistics.padding, x.dtype).squeeze(1)
        weights = self.softmax(self.attention(seen) + bias)
        mean = (x * weights).sum(dim=2, keepdim=True)
        variance = ((x - mean).square() * weights).sum(dim=2, keepdim=True)
        return torch.cat([mean, variance.clamp(LEAST, MOST).sqrt()], dim=1).squeeze(2)
