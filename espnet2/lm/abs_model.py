"""Base class of language models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component


class AbsLM(torch.nn.Module, BatchScorerInterface, ABC):
    """Base of language models.

    A search uses a model as a scorer, or calls its graph (`espnet.nets.scorers.step.StepScorer`). A model that declares
    a step inherits the scorer's methods (`espnet.nets.pytorch_backend.step_scorer`).
    """

    @abstractmethod
    def forward(self, input: torch.Tensor, hidden: Any) -> tuple[torch.Tensor, Any]:
        """Score known text.

        Args:
            input: (B, U) int64 tokens, the first of which is the start symbol.
            hidden: state returned by the call for the tokens before, or None.

        Returns:
            (B, U, V) scores of the token after each, before softmax, and the state after the last.
        """

    def components(self) -> tuple[Component, ...]:
        """Declare the model's graph: `lm_step`, once per token.

        Only a model that is exported needs to override it.
        """
        raise ConfigError(f"{type(self).__name__}: expected components() to declare the graph to export, found none")
