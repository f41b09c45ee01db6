"""Relative positions of frames, for whole utterances and for chunks."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet.nets.pytorch_backend.transformer.embedding import Sinusoid


class RelPositionalEncoding(Sinusoid):
    """Encodings of relative positions (Dai et al. 2019).

    Args:
        size: P, even.
        dropout_rate: dropout of the encodings.
        max_len: size of upstream's table, without effect: lengths are not limited.
    """

    def __init__(self, size: int, dropout_rate: float = 0.0, max_len: int = 5000):
        super().__init__(size, dropout_rate, max_len)

    def forward(self, x: Tensor, left_context: int = 0) -> Tensor:
        """x (B, T, D) → (1, L+2T-1, P), relative positions L+T-1 down to -(T-1), where L is the left context."""
        frames = x.shape[1]
        positions = left_context + frames - 1 - torch.arange(left_context + 2 * frames - 1, device=x.device)
        return self.dropout(self.encode(positions.unsqueeze(0), x.dtype))
