"""The interface of losses: embeddings and their speakers in, the loss and the accuracy out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

Outcome = tuple[Tensor | None, Tensor | None, Tensor]


class AbsLoss(nn.Module, ABC):
    """Base of losses: cross-entropy of cosines between embeddings and the directions of speakers.

    Args:
        nout: D, size of the embeddings.
        rows: directions; `weight` is (rows, D).
    """

    def __init__(self, nout: int, rows: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, nout))
        self.ce = nn.CrossEntropyLoss()

    @property
    def classes(self) -> int:
        """S, speakers that are told apart."""
        return self.weight.shape[0]

    def cosines(self, input: Tensor) -> Tensor:
        """Cosines of embeddings (B, D) with each speaker: (B, S)."""
        return linear(normalize(input), normalize(self.weight))

    @abstractmethod
    def scores(self, cosines: Tensor, label: Tensor) -> Tensor:
        """Scores (B, S) that cross-entropy reads, of cosines (B, S) and speakers `label` (B,)."""

    def forward(self, input: Tensor, label: Tensor | None = None) -> Outcome:
        """Loss of embeddings (B, D).

        Args:
            input: (B, D).
            label: (B,) or (B, 1) int64, their speakers.

        Returns:
            The loss and the accuracy, scalars, None each where there is no label; and the speaker (B,) that each
            embedding is closest to.
        """
        cosines = self.cosines(input)
        best = cosines.argmax(dim=1)
        if label is None:
            return None, None, best
        label = label.flatten()
        return self.ce(self.scores(cosines, label), label), (best == label).to(input.dtype).mean(), best
