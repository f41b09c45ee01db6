"""What every attention decoder offers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from espnet2.runtime.spec import Component


class AbsDecoder(torch.nn.Module, ABC):
    """Base of decoders. A search drives one through its graphs (`espnet.nets.scorers.step.StepScorer`)."""

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

    @abstractmethod
    def components(self) -> tuple[Component, ...]:
        """The graphs of this decoder: `decoder_start`, once per utterance, and `decoder_step`, once per token."""
