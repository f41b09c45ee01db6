"""The interface of decoders of classifiers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AbsDecoder(nn.Module, ABC):
    """Base of decoders."""

    @abstractmethod
    def output_size(self) -> int:
        """C, number of classes."""

    @abstractmethod
    def forward(self, hs_pad: Tensor, hlens: Tensor) -> Tensor:
        """Encoder output (B, T, D) of lengths (B,) → scores (B, C) before softmax or sigmoid."""
