"""The interface of poolings: frames of an utterance in, one vector out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class AbsPooling(nn.Module, ABC):
    """Base of poolings."""

    _output_size: int

    def output_size(self) -> int:
        """Size of the vector."""
        return self._output_size

    @abstractmethod
    def forward(self, x: Tensor, feat_lengths: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """Pool frames x (B, D, T) → (B, C).

        Args:
            x: the frames.
            feat_lengths: (B,) what sums over frames are divided by; T without. Upstream's models give the frames of the
                features here, which encoders that pool or stride have more of.
            lengths: (B,) frames of each utterance; `feat_lengths` without.
        """
