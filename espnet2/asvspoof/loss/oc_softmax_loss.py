"""One-class softmax (Zhang, Jiang and Duan 2021): one kind of speech is close to a direction, the other is not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from typeguard import typechecked

from espnet2.asvspoof.loss.abs_loss import AbsASVSpoofLoss, cosines


class ASVSpoofOCSoftmaxLoss(AbsASVSpoofLoss):
    """Softplus of how far cosines with a direction are below `m_real` for label 1, and above `m_fake` for label 0.

    Args:
        weight: Of the loss in training.
        enc_dim: D.
        m_real, m_fake: Cosines that label 1 has to exceed, and label 0 has to stay below.
        alpha: Scale of the differences.
    """

    reads_frames = True

    @typechecked
    def __init__(
        self, weight: float = 1.0, enc_dim: int = 128, m_real: float = 0.5, m_fake: float = 0.2, alpha: float = 20.0
    ):
        super().__init__()
        self.weight, self.m_real, self.m_fake, self.alpha = weight, m_real, m_fake, alpha
        self.threshold = (m_real + m_fake) / 2
        self.center = nn.Parameter(torch.empty(1, enc_dim))
        nn.init.kaiming_uniform_(self.center, 0.25)

    def forward(self, label: Tensor, emb: Tensor, **kwargs: Any) -> Tensor:
        """Loss of encoder output (B, T, D) with labels (B,) or (B, 1), 0 or 1."""
        scores = self.score(emb)
        too_far = torch.where(label.flatten() == 1, self.m_real - scores, scores - self.m_fake)
        return softplus(self.alpha * too_far).mean()

    def score(self, pred: Tensor) -> Tensor:
        """See `AbsASVSpoofLoss.score`: the cosine with the direction."""
        return cosines(pred, self.center)[:, 0]
