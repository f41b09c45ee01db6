"""The interface of feature augmentation."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


class AbsSpecAug(torch.nn.Module, ABC):
    """Base class of feature augmentation, which is applied in training only."""

    @abstractmethod
    def forward(
        self, x: torch.Tensor, x_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features (B, T, C) and lengths (B,) to the same shapes."""
