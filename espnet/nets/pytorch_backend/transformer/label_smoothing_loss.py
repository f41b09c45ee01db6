"""Cross-entropy with label smoothing (Szegedy et al. 2016, section 7)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LabelSmoothingLoss(nn.Module):
    """Divergence of predictions from targets with `1 - smoothing` for the token and the rest for all others.

    Args:
        size: V.
        padding_idx: target that is ignored.
        smoothing: probability of all other tokens together.
        normalize_length: average over tokens instead of utterances.
    """

    def __init__(self, size: int, padding_idx: int, smoothing: float, normalize_length: bool = False):
        super().__init__()
        self.size = size
        self.padding_idx = padding_idx
        self.smoothing = smoothing
        self.normalize_length = normalize_length

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """Scores x (B, U, V), not normalised, and targets (B, U) → a scalar."""
        log_probs = x.log_softmax(dim=-1, dtype=torch.promote_types(x.dtype, torch.float32))
        counts = target != self.padding_idx
        log_likelihood = log_probs.gather(-1, target.masked_fill(~counts, 0).unsqueeze(-1)).squeeze(-1)
        kept, rest = 1.0 - self.smoothing, self.smoothing / (self.size - 1)
        cross_entropy = -(kept - rest) * log_likelihood - rest * log_probs.sum(dim=-1)
        entropy = -sum(p * math.log(p) * n for p, n in ((kept, 1), (rest, self.size - 1)) if p > 0)
        total = (cross_entropy - entropy).masked_fill(~counts, 0.0).sum()
        return total / (counts.sum() if self.normalize_length else len(x))
