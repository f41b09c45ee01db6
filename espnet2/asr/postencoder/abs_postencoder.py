"""The interface of post-encoders, which lie between the encoder and whoever reads its output."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet2.runtime.spec import Length


class AbsPostEncoder(torch.nn.Module, ABC):
    """Maps an encoder's output. `length` is the number of output frames as a formula of input frames."""

    length: Length = Length()

    @abstractmethod
    def output_size(self) -> int:
        """Size of an output frame."""

    @abstractmethod
    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encoder output (B, T, D) and lengths (B,) to (B, T', D') and lengths (B,)."""
