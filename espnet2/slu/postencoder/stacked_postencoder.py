"""Base of post-encoders that are a stack of equal layers, as encoders are."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from espnet2.asr.encoder.stacked_encoder import StackedEncoder
from espnet2.asr.postencoder.abs_postencoder import AbsPostEncoder


class StackedPostEncoder(AbsPostEncoder):
    """Base of post-encoders whose next base class is a `StackedEncoder`, which has the layers."""

    _output_size: int

    def output_size(self) -> int:
        """D."""
        return self._output_size

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder output (B, T, F) and lengths (B,) to (B, T, D) and lengths (B,); padding changes nothing."""
        stack: Any = self
        encoded, lengths, _ = StackedEncoder.forward(stack, input, input_lengths)
        return encoded, lengths
