"""Base of numbers of frames, such as pitch and energy, which may be averaged over tokens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch

from espnet.nets.pytorch_backend.nets_utils import full_lengths
from espnet2.tts.feats_extract.abs_feats_extract import AbsFeatsExtract
from espnet2.tts.feats_extract.tokens import of_frames_or_tokens


class AbsVariance(AbsFeatsExtract):
    """One number of each frame, or its mean over the frames of each token.

    `positive`: means are over the frames whose number is positive.
    """

    positive: ClassVar[bool] = False
    reduction_factor: int | None

    def output_size(self) -> int:
        return 1

    @property
    @abstractmethod
    def averaged(self) -> bool:
        """Whether numbers are means of tokens."""

    @abstractmethod
    def numbers(self, samples: torch.Tensor, lengths: torch.Tensor) -> Sequence[torch.Tensor]:
        """Samples (B, N) of which `lengths` (B,) count → numbers (T_b,) of the frames of each utterance."""

    def forward(
        self,
        input: torch.Tensor,
        input_lengths: torch.Tensor | None = None,
        feats_lengths: torch.Tensor | None = None,
        durations: torch.Tensor | None = None,
        durations_lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples (B, N) → numbers of frames (B, T, 1), or of tokens (B, U, 1), and how many (B,).

        Args:
            input, input_lengths: samples, and how many of each utterance.
            feats_lengths: (B,) frames to cut to, or to fill up to with zeros.
            durations, durations_lengths: frames of each token (B, U), and tokens (B,).

        Raises:
            MissingPackageError: A package that the numbers need is not installed.
        """
        rows = self.numbers(input, full_lengths(input) if input_lengths is None else input_lengths)
        steps = durations if self.averaged else None
        factor = self.reduction_factor or 1
        return of_frames_or_tokens(rows, feats_lengths, steps, durations_lengths, factor, self.positive)
