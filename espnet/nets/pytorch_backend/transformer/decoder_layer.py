"""A layer of the Transformer decoder (Vaswani et al. 2017, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention, as_bias
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm


class DecoderLayer(nn.Module):
    """Self-attention, attention to the encoder's output, feed-forward network; each with a residual connection.

    Args:
        size: D.
        self_attn: attention among the tokens.
        src_attn: attention to the encoder's output.
        feed_forward: position-wise network.
        dropout_rate: dropout of what each part adds.
        normalize_before: normalise the input of each part, rather than its output.
        concat_after: combine what attention read and what it gave by a linear layer, instead of taking the latter.
    """

    def __init__(
        self,
        size: int,
        self_attn: MultiHeadedAttention,
        src_attn: MultiHeadedAttention,
        feed_forward: nn.Module,
        dropout_rate: float,
        normalize_before: bool = True,
        concat_after: bool = False,
    ):
        super().__init__()
        self.size = size
        self.self_attn = self_attn
        self.src_attn = src_attn
        self.feed_forward = feed_forward
        self.norm1 = LayerNorm(size)
        self.norm2 = LayerNorm(size)
        self.norm3 = LayerNorm(size)
        self.dropout = nn.Dropout(dropout_rate)
        self.concat_linear1 = nn.Linear(2 * size, size) if concat_after else None
        self.concat_linear2 = nn.Linear(2 * size, size) if concat_after else None
        self.normalize_before = normalize_before

    def forward(self, tgt: Tensor, tgt_mask: Tensor, memory: Tensor, memory_mask: Tensor | None) -> Tensor:
        """Process all tokens of known targets.

        Args:
            tgt: (B, U, D).
            tgt_mask: (B or 1, U, U) bool, True where a token may look, or its `attention_bias`.
            memory: (B, T, D), the encoder's output.
            memory_mask: (B, 1, T) bool, its `attention_bias`, or None.

        Returns:
            (B, U, D).
        """
        nothing = tgt.new_zeros(tgt.shape[0], self.self_attn.h, 0, self.self_attn.d_k)
        memory_key, memory_value = self.src_attn.project_memory(memory, memory)
        bias, memory_bias = as_bias(tgt_mask, tgt.dtype), as_bias(memory_mask, tgt.dtype)
        return self.step(tgt, nothing, nothing, bias, memory_key, memory_value, memory_bias)[0]

    def step(
        self,
        x: Tensor,
        key: Tensor,
        value: Tensor,
        bias: Tensor | None,
        memory_key: Tensor,
        memory_value: Tensor,
        memory_bias: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Process the tokens that follow P known ones.

        Hypotheses of one utterance lie next to each other, and attend to its encoder output as queries of one
        attention: R is B times the hypotheses per utterance.

        Args:
            x: (R, U, D).
            key, value: (R, H, P, D/H), projected for the known tokens.
            bias: (R or 1, 1, U, P + U), None where tokens see all others.
            memory_key, memory_value: (B, H, T, D/H), the projected encoder output.
            memory_bias: (B, 1, 1, T) or None.

        Returns:
            (R, U, D), and key and value (R, H, P + U, D/H) for the next step.
        """
        normed = self.norm1(x) if self.normalize_before else x
        new_key, new_value = self.self_attn.project_memory(normed, normed)
        key, value = torch.cat((key, new_key), dim=2), torch.cat((value, new_value), dim=2)
        attended = self.self_attn.attend(self.self_attn.project_query(normed), key, value, bias)
        x = x + self._combine(self.concat_linear1, normed, attended)
        x = x if self.normalize_before else self.norm1(x)

        normed = self.norm2(x) if self.normalize_before else x
        query = self.src_attn.project_query(normed.reshape(memory_key.shape[0], -1, self.size))
        attended = self.src_attn.attend(query, memory_key, memory_value, memory_bias).reshape(x.shape)
        x = x + self._combine(self.concat_linear2, normed, attended)
        x = x if self.normalize_before else self.norm2(x)

        normed = self.norm3(x) if self.normalize_before else x
        x = x + self.dropout(self.feed_forward(normed))
        return x if self.normalize_before else self.norm3(x), key, value

    def _combine(self, concat: nn.Linear | None, read: Tensor, given: Tensor) -> Tensor:
        return self.dropout(given) if concat is None else concat(torch.cat((read, given), dim=-1))
