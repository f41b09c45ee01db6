"""The interface of pre-encoders, which lie between the features and the encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet2.runtime.spec import Axis, Length


class AbsPreEncoder(torch.nn.Module, ABC):
    """Maps features to what an encoder reads.

    `length` is the number of output frames as a formula of input frames; `reads` gives the axes of an utterance's
    features.
    """

    length: Length = Length()
    reads: tuple[Axis, ...]

    @abstractmethod
    def output_size(self) -> int:
        """Size of an output frame."""

    @abstractmethod
    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, T, ...) and lengths (B,) to (B, T', D) and lengths (B,)."""
