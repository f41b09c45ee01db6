"""Interface of invertible layers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch


class InversibleInterface(ABC):
    """A layer with an inverse."""

    @abstractmethod
    def inverse(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Undo `forward`: its outputs and the lengths of its inputs (B,) to the inputs and these lengths."""
