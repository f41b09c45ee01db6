"""The interface of whole models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch

from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component


class AbsESPnetModel(torch.nn.Module, ABC):
    """A model as a task builds it and a checkpoint fills it."""

    @abstractmethod
    def forward(self, *batch: Any, **fields: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """The loss of a batch, given by field: the loss, statistics by name, and the batch's weight among others."""

    @abstractmethod
    def collect_feats(self, *batch: Any, **fields: Any) -> dict[str, torch.Tensor]:
        """Map a batch, given by field, to features (B, T, C), and their lengths (B,) by `{feature}_lengths`."""

    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graphs that this model is exported as: each a module of it, with the interface of one of its methods.

        Only a model that is exported needs them.

        Raises:
            ConfigError: The model does not say.
        """
        raise ConfigError(f"{type(self).__name__}: expected parts() to declare the graphs to export, found none")
