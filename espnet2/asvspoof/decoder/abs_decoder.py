"""The interface of decoders of detectors of spoofed speech."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AbsDecoder(nn.Module, ABC):
    """Base of decoders."""

    @abstractmethod
    def forward(self, input: Tensor, ilens: Tensor | None) -> Tensor:
        """Encoder output (B, T, D) of lengths (B,), all of it without them → scores (B, 1) before a sigmoid."""
