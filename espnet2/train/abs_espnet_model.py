"""The interface of whole models."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet2.runtime.spec import Component


class AbsESPnetModel(torch.nn.Module, ABC):
    """A model as a task builds it and a checkpoint fills it."""

    @abstractmethod
    def parts(self) -> tuple[tuple[torch.nn.Module, Component], ...]:
        """The graphs that this model is exported as: each a module of it, with the interface of one of its methods."""
