"""Layer of the Transformer encoder (Vaswani et al. 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads, MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.residual import ResidualLayer


class EncoderLayer(ResidualLayer):
    """Self-attention and a feed-forward network.

    Args:
        size: D.
        self_attn: attention.
        feed_forward: feed-forward network.
        dropout_rate: dropout of both.
        normalize_before: normalise before (True) or after (False) each of them.
        concat_after: combine attention's input and output by a linear layer.
        stochastic_depth_rate: probability that training skips the layer.
    """

    def __init__(
        self,
        size: int,
        self_attn: AttentionHeads,
        feed_forward: nn.Module,
        dropout_rate: float,
        normalize_before: bool = True,
        concat_after: bool = False,
        stochastic_depth_rate: float = 0.0,
    ):
        super().__init__(size, dropout_rate, normalize_before, concat_after, stochastic_depth_rate)
        self.self_attn = self_attn
        self.feed_forward = feed_forward
        self.norm1 = LayerNorm(size)
        self.norm2 = LayerNorm(size)

    def branches(self, x: Tensor, attend: Callable[[Tensor], Tensor], padding: Tensor | None) -> Tensor:
        """Both residual branches: (B, T, D) → (B, T, D)."""
        x = self.attention(x, self.norm1, attend)
        return self.residual(x, self.norm2, lambda y: self.dropout(self.feed_forward(y, padding)))

    def forward(
        self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None = None, padding: Tensor | None = None
    ) -> Tensor:
        """Encode.

        Args:
            x: (B, T, D).
            mask: (B, 1 or T, T) bool, True at visible positions, or its `attention_bias`, or None.
            pos_emb: encodings of relative positions for attention that reads them.
            padding: (B, T, 1) bool, True at padded frames.

        Returns:
            (B, T, D).
        """
        if self.skipped():
            return x
        return self.branches(x, lambda y: self.self_attn.attend_self(y, mask, pos_emb), padding)

    def step(self, x: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Encode the newest positions of hypotheses of which the others are known.

        Args:
            x: (B, N, D), one position of each of N hypotheses.
            k, v: (rows, B, H, D/H) keys and values of known positions.
            bias: (B, 1, N, rows + 1) `attention_bias`, the last for the position itself; None if nothing is masked.

        Returns:
            (B, N, D), and keys and values (N, B, H, D/H) of the new positions.
        """
        attention, new = cast(MultiHeadedAttention, self.self_attn), (k, v)

        def attend(y: Tensor) -> Tensor:
            nonlocal new
            attended, new = attention.advance(y, (k, v), bias)
            return attended

        x = self.branches(x, attend, None)
        return x, *new
