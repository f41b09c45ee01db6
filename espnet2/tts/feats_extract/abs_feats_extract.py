"""The interface of what synthesis models are trained to make of speech."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch


class AbsFeatsExtract(torch.nn.Module, ABC):
    """Samples to features, pitch or energy of frames or tokens."""

    @abstractmethod
    def output_size(self) -> int:
        """Size of a frame."""

    @abstractmethod
    def get_parameters(self) -> dict[str, Any]:
        """Sizes in samples, rates and bands, as a vocoder needs them."""

    @abstractmethod
    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples (B, N) and their number (B,) → (B, T, F) and frames (B,)."""
