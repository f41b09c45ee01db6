"""The interface of losses that train detectors of spoofed speech."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn
from torch.nn.functional import normalize


class AbsASVSpoofLoss(nn.Module, ABC):
    """Base of losses.

    Attributes:
        weight: Of the loss in training.
        threshold: Of the score, above which an utterance is one of label 1.
        reads_frames: Whether `score` and `forward` read encoder output (B, T, D), not the decoder's scores (B, 1).
    """

    weight: float
    threshold: float = 0.0
    reads_frames: bool = False

    @abstractmethod
    def score(self, pred: Tensor) -> Tensor:
        """Scores (B,), high for label 1, of decoder output (B, 1), or of encoder output (B, T, D)."""


def cosines(emb: Tensor, directions: Tensor) -> Tensor:
    """Cosines (B, C) between means of encoder output (B, T, D) and directions (C, D)."""
    return normalize(emb.mean(dim=1)) @ normalize(directions).transpose(0, 1)
