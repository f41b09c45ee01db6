"""The interface of projectors: the vector of an utterance in, the embedding of its speaker out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AbsProjector(nn.Module, ABC):
    """Base of projectors."""

    _output_size: int

    def output_size(self) -> int:
        """Size of an embedding."""
        return self._output_size

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """(B, C) → (B, D)."""
