"""Additive margin (Wang et al. 2018) between two directions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot
from typeguard import typechecked

from espnet2.asvspoof.loss.abs_loss import AbsASVSpoofLoss, cosines


class ASVSpoofAMSoftmaxLoss(AbsASVSpoofLoss):
    """Binary cross-entropy of the cosine with the first direction, which label 0 has to exceed by a margin.

    Args:
        weight: Of the loss in training.
        enc_dim: D.
        s: Scale of the cosines.
        m: Margin.
    """

    reads_frames = True

    @typechecked
    def __init__(self, weight: float = 1.0, enc_dim: int = 128, s: float = 20, m: float = 0.5):
        super().__init__()
        self.weight, self.s, self.m = weight, s, m
        self.centers = nn.Parameter(torch.randn(2, enc_dim))

    def forward(self, label: Tensor, emb: Tensor, **kwargs: Any) -> Tensor:
        """Loss of encoder output (B, T, D) with labels (B,) or (B, 1), 0 or 1."""
        label = label.flatten()
        scores = self.s * (cosines(emb, self.centers) - self.m * one_hot(label, 2))
        return binary_cross_entropy_with_logits(scores[:, 0], label.to(emb.dtype))

    def score(self, pred: Tensor) -> Tensor:
        """See `AbsASVSpoofLoss.score`: the cosine with the first direction."""
        return cosines(pred, self.centers)[:, 0]
