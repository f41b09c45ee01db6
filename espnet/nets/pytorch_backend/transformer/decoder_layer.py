"""A layer of the Transformer decoder (Vaswani et al. 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention, as_bias
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm


class SelfAttention(Protocol):
    """Protocol of a layer that combines tokens with earlier ones: attention, or a causal convolution."""

    def before(self, x: Tensor) -> tuple[Tensor, ...]:
        """Initial cache of `advance` for x (B, U, D)."""

    def advance(self, x: Tensor, known: Sequence[Tensor], context: Tensor | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x (B, U, D), cache of the tokens before, which of them exist → (B, U, D), what the next cache gets of it."""


class DecoderLayer(nn.Module):
    """Self-attention, attention to the encoder's output, feed-forward network; each with a residual connection.

    Args:
        size: D.
        self_attn: attention among the tokens, or another `SelfAttention`.
        src_attn: attention to the encoder's output.
        feed_forward: position-wise network.
        dropout_rate: dropout of each residual branch.
        normalize_before: normalise the input of each part, rather than its output.
        concat_after: combine attention's input and output by a linear layer, instead of using the output alone.
    """

    def __init__(
        self,
        size: int,
        self_attn: nn.Module,
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
            tgt_mask: (B or 1, U, U) bool, True at visible tokens, or its `attention_bias`; or another context of the
                self-attention.
            memory: (B, T, D), the encoder's output.
            memory_mask: (B, 1, T) bool, its `attention_bias`, or None.

        Returns:
            (B, U, D).
        """
        memory_key, memory_value = self.src_attn.project_memory(memory, memory)
        bias, memory_bias = as_bias(tgt_mask, tgt.dtype), as_bias(memory_mask, tgt.dtype)
        return self.step(tgt, self.attention.before(tgt), bias, memory_key, memory_value, memory_bias)[0]

    @property
    def attention(self) -> SelfAttention:
        """The submodule that reads other tokens."""
        return cast(SelfAttention, self.self_attn)

    def step(
        self,
        x: Tensor,
        known: Sequence[Tensor],
        context: Tensor | None,
        *memory: Any,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Process the tokens of a text, or the newest token of hypotheses whose others are known.

        All rows of x that belong to one utterance lie next to each other, and attend to its encoder output as queries
        of one attention: R is B, or B times the hypotheses per utterance.

        Args:
            x: (R, U, D).
            known: the self-attention's cache of the known tokens.
            context: which tokens are seen, as the self-attention reads it.
            memory: key and value (B, H, T, D/H), the projected encoder output, and its bias (B, 1, 1, T) or None.

        Returns:
            (R, U, D), and what the self-attention's next cache gets of the new tokens.
        """
        normed = self.norm1(x) if self.normalize_before else x
        attended, known = self.attention.advance(normed, known, context)
        x = x + self._combine(self.concat_linear1, normed, attended)
        x = x if self.normalize_before else self.norm1(x)

        x = self.attend_memory(x, *memory)
        normed = self.norm3(x) if self.normalize_before else x
        x = x + self.dropout(self.feed_forward(normed))
        return x if self.normalize_before else self.norm3(x), known

    def attend_memory(self, x: Tensor, *memory: Any) -> Tensor:
        """Attend to what `step` reads of an encoder output: x (R, U, D) → (R, U, D)."""
        return self._attend(x, (self.norm2, self.src_attn, self.concat_linear2), *memory)

    def _attend(
        self,
        x: Tensor,
        parts: tuple[nn.Module, MultiHeadedAttention, nn.Linear | None],
        key: Tensor,
        value: Tensor,
        bias: Tensor | None,
    ) -> Tensor:
        """Attend to an encoder output, projected to key and value (B, H, T, D/H), with a residual connection.

        `parts` are normalisation, attention, and the linear layer of `concat_after`.
        """
        norm, attention, concat = parts
        normed = norm(x) if self.normalize_before else x
        query = attention.project_query(normed.reshape(key.shape[0], -1, self.size))
        attended = attention.attend(query, key, value, bias).reshape(x.shape)
        x = x + self._combine(concat, normed, attended)
        return x if self.normalize_before else norm(x)

    def _combine(self, concat: nn.Linear | None, read: Tensor, given: Tensor) -> Tensor:
        return self.dropout(given) if concat is None else concat(torch.cat((read, given), dim=-1))


class TwoSourceDecoderLayer(DecoderLayer):
    """Decoder layer that attends to an encoder output first, and to what is encoded of that next.

    Args:
        sequential_attn: attention to the first; the others are those of `DecoderLayer`.
    """

    def __init__(self, size: int, *parts: nn.Module, sequential_attn: MultiHeadedAttention, **options: Any):
        super().__init__(size, *parts, **options)  # type: ignore[arg-type]
        self.sequential_attn = sequential_attn
        self.norm4 = LayerNorm(size)

    def attend_memory(self, x: Tensor, *memory: Any) -> Tensor:
        """Attend to the key, value and bias of the second, which come first, and of the first: → (R, U, D)."""
        x = self._attend(x, (self.norm4, self.sequential_attn, None), *memory[3:])
        return super().attend_memory(x, *memory[:3])
