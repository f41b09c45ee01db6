"""Binary cross-entropy."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from typeguard import typechecked

from espnet2.asvspoof.loss.abs_loss import AbsASVSpoofLoss


class ASVSpoofBinaryLoss(AbsASVSpoofLoss):
    """Binary cross-entropy of the decoder's scores."""

    @typechecked
    def __init__(self, weight: float = 1.0):
        super().__init__()
        self.weight = weight

    def forward(self, pred: Tensor, label: Tensor, **kwargs: Any) -> Tensor:
        """Loss of scores (B, 1) with labels (B,) or (B, 1), 0 or 1."""
        return binary_cross_entropy_with_logits(pred.flatten(), label.flatten().to(pred.dtype))

    def score(self, pred: Tensor) -> Tensor:
        """See `AbsASVSpoofLoss.score`."""
        return pred.flatten()
