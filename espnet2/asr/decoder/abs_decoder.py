"""Base class of attention decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet.nets.scorer_interface import ScorerInterface
from espnet2.interface.errors import ConfigError
from espnet2.interface.spec import Component


class AbsDecoder(torch.nn.Module, ScorerInterface, ABC):
    """Base of decoders.

    A search uses a decoder as a scorer, or calls its graphs (`espnet.nets.scorers.step.StepScorer`). A decoder that
    declares a step inherits the scorer's methods (`espnet.nets.pytorch_backend.step_scorer`).
    """

    @abstractmethod
    def forward(
        self, hs_pad: torch.Tensor, hlens: torch.Tensor, ys_in_pad: torch.Tensor, ys_in_lens: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Score known targets.

        Args:
            hs_pad: (B, T, D) encoder output.
            hlens: (B,) int64, its lengths.
            ys_in_pad: (B, U) int64 target tokens, the first of which is the start symbol.
            ys_in_lens: (B,) int64, their lengths.

        Returns:
            (B, U, V) scores of the token after each, before softmax, and (B,) their lengths.
        """

    def components(self) -> tuple[Component, ...]:
        """Declare the decoder's graphs: `decoder_start`, once per utterance, and `decoder_step`, once per token.

        Only a decoder that is exported needs to override it.
        """
        raise ConfigError(f"{type(self).__name__}: expected components() to declare the graphs to export, found none")
