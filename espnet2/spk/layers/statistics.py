"""Sums over frames, as poolings need them."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet2.spk.layers.padding import padding_of, silent


class FrameStatistics:
    """Means over frames x (B, D, T).

    Args:
        x: the frames.
        feat_lengths: (B,) what sums are divided by; T without.
        lengths: (B,) frames of each utterance, the first of x; `feat_lengths` without.
    """

    def __init__(self, x: Tensor, feat_lengths: Tensor | None, lengths: Tensor | None):
        count = torch.full((x.shape[0],), x.shape[2], device=x.device) if feat_lengths is None else feat_lengths
        self.padding = padding_of(x, count if lengths is None else lengths)
        self._count = count.to(x.dtype)[:, None, None]
        self._missing = 1.0 - (~self.padding).to(x.dtype).sum(dim=2, keepdim=True) / self._count

    def mean(self, x: Tensor) -> Tensor:
        """(B, D, T) → (B, D, 1)."""
        return silent(x, self.padding).sum(dim=2, keepdim=True) / self._count

    def variance_around(self, x: Tensor, mean: Tensor) -> Tensor:
        """Mean square less the square of `mean` (B, D, 1), of frames x (B, D, T): (B, D, 1).

        The difference of the two would lose most of its digits where the mean is large.
        """
        return self.mean((x - mean).square()) + mean.square() * self._missing
