"""Base class of whole models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch

from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component


class AbsESPnetModel(torch.nn.Module, ABC):
    """Model that a task builds and a checkpoint is loaded into."""

    @abstractmethod
    def forward(self, *batch: Any, **fields: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Compute the loss of a batch, given by field; return loss, statistics by name, and the batch's weight."""

    @abstractmethod
    def collect_feats(self, *batch: Any, **fields: Any) -> dict[str, torch.Tensor]:
        """Map a batch, given by field, to features (B, T, C), and their lengths (B,) by `{feature}_lengths`."""

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """Return the modules to export, each with the component that declares its graph.

        Only a model that is exported needs them.

        Raises:
            ConfigError: The model declares none.
        """
        raise ConfigError(f"{type(self).__name__}: expected parts() to declare the graphs to export, found none")
