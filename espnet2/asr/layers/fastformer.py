"""Additive attention of the Fastformer, linear in time (Wu et al. 2021, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention import as_bias


class FastSelfAttention(nn.Module):
    """Additive attention with one global query and one global key per head, each a weighted mean over time.

    Queries are values as well: the result is u = W(k_global * q) + q.

    Args:
        size: D, a multiple of H.
        attention_heads: H.
        dropout_rate: dropout of W's result.
    """

    def __init__(self, size: int, attention_heads: int, dropout_rate: float):
        super().__init__()
        require_positive(attention_heads=attention_heads)
        require_rates(attention_dropout_rate=dropout_rate)
        if size % attention_heads:
            raise ValueError(f"{size} features cannot be divided among {attention_heads} attention heads")
        self.h = attention_heads
        self.d_k = size // attention_heads
        self.query = nn.Linear(size, size)
        self.query_att = nn.Linear(size, attention_heads)
        self.key = nn.Linear(size, size)
        self.key_att = nn.Linear(size, attention_heads)
        self.transform = nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout_rate)

    def espnet_initialization_fn(self) -> None:
        """Initialise the weights; called by `espnet2.torch_utils.initialize`."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def summary(self, x: Tensor, scores: Tensor, bias: Tensor | None) -> Tensor:
        """The mean over time of x (B, T, D), weighted per head by the softmax of `scores` (B, T, H) → (B, 1, D)."""
        logits = (scores * self.d_k**-0.5).transpose(1, 2).unsqueeze(2)
        weights = torch.softmax(logits if bias is None else logits + bias, dim=-1)
        heads = x.unflatten(-1, (self.h, self.d_k)).transpose(1, 2)
        return torch.matmul(weights, heads).transpose(1, 2).flatten(2)

    def forward(self, xs_pad: Tensor, mask: Tensor | None) -> Tensor:
        """Attend.

        Args:
            xs_pad: (B, T, D).
            mask: (B, 1, T) bool, True at visible frames, or its `attention_bias`, or None.

        Returns:
            (B, T, D).
        """
        bias = as_bias(mask, xs_pad.dtype)
        query, key = self.query(xs_pad), self.key(xs_pad)
        product = key * self.summary(query, self.query_att(query), bias)
        summed = self.summary(product, self.key_att(product), bias)
        return self.dropout(self.transform(summed * query)) + query

    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """Self-attention with the signature that all variants share: x (B, T, D) → (B, T, D)."""
        return self(x, mask)
