"""Layer of the Transformer encoder (Vaswani et al. 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads
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
        """Encode the positions that follow P known ones.

        Args:
            x: (N, T, D).
            k, v: (N, H, P, D/H) keys and values of the positions before.
            bias: (N, 1, T, P + T) `attention_bias`; None if nothing is masked.

        Returns:
            (N, T, D), and keys and values (N, H, P + T, D/H).
        """

        def attend(y: Tensor) -> Tensor:
            nonlocal k, v
            new_k, new_v = self.self_attn.project_memory(y, y)
            k, v = torch.cat((k, new_k), dim=2), torch.cat((v, new_v), dim=2)
            return self.self_attn.attend(self.self_attn.project_query(y), k, v, bias)

        x = self.branches(x, attend, None)
        return x, k, v
