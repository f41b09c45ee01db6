"""The interface of what makes discrete units for training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch


class AbsFeatsExtractDiscrete(torch.nn.Module, ABC):
    """Units as they are given to units as models are trained on."""

    @abstractmethod
    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Units (B, N) int64 and their number (B,) → the same of the model."""
