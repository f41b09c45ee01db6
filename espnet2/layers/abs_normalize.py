"""Interface of feature normalisation."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


class AbsNormalize(torch.nn.Module, ABC):
    """Base class of feature normalisation; frames beyond an utterance's length become zero."""

    @abstractmethod
    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, T, C) and lengths (B,) to the same shapes."""
