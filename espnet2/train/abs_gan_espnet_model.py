"""Base class of whole models that are trained against a discriminator."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch

from espnet2.train.abs_espnet_model import AbsESPnetModel


class AbsGANESPnetModel(AbsESPnetModel):
    """Model with a generator and a discriminator, which two optimisers train in turn."""

    @abstractmethod
    def forward(self, forward_generator: bool = True, **batch: Any) -> Any:
        """Compute the loss of a batch, given by field.

        Returns:
            `loss`, `stats` (statistics by name), `weight` of the batch, and `optim_idx`: 0 for the generator's
            optimiser, 1 for the discriminator's.
        """

    @abstractmethod
    def collect_feats(self, *batch: Any, **fields: Any) -> dict[str, torch.Tensor]:
        """Map a batch, given by field, to features (B, T, C), and their lengths (B,) by `{feature}_lengths`."""
