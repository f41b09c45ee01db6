"""The interface of whole models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch

from espnet2.runtime.spec import Component


class AbsESPnetModel(torch.nn.Module, ABC):
    """A model as a task builds it and a checkpoint fills it.

    Attributes:
        collect_feats: maps a batch, by field, to features (B, T, C), and their lengths (B,) by `{feature}_lengths`.
    """

    collect_feats: Callable[..., dict[str, torch.Tensor]]

    @abstractmethod
    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graphs that this model is exported as: each a module of it, with the interface of one of its methods."""
