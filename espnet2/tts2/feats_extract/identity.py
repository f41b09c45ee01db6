"""Discrete units as they are."""

from __future__ import annotations

from typing import Any

import torch

from espnet2.tts2.feats_extract.abs_feats_extract import AbsFeatsExtractDiscrete


class IdentityFeatureExtract(AbsFeatsExtractDiscrete):
    """No change."""

    def __init__(self) -> None:
        super().__init__()

    def forward(self, input: torch.Tensor, input_lengths: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Return both unchanged."""
        return input, input_lengths
