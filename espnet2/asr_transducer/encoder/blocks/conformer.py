"""Conformer block (Gulati et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from espnet2.asr_transducer.encoder.abs_block import AbsBlock
from espnet2.asr_transducer.encoder.modules.attention import RelPositionMultiHeadedAttention
from espnet2.asr_transducer.encoder.modules.convolution import ConformerConvolution


class Conformer(AbsBlock):
    """Half a feed-forward network, attention, convolution, the other half, and a normalisation.

    Args:
        block_size: D.
        self_att: attention.
        feed_forward: the second half.
        feed_forward_macaron: the first half.
        conv_mod: convolution.
        norm_class: makes a normalisation of a size.
        norm_args: its keywords.
        dropout_rate: dropout of each residual branch.
    """

    def __init__(
        self,
        block_size: int,
        self_att: RelPositionMultiHeadedAttention,
        feed_forward: nn.Module,
        feed_forward_macaron: nn.Module,
        conv_mod: ConformerConvolution,
        norm_class: Callable[..., nn.Module] = nn.LayerNorm,
        norm_args: Mapping[str, Any] | None = None,
        dropout_rate: float = 0.0,
    ):
        super().__init__()
        self.self_att = self_att
        self.feed_forward = feed_forward
        self.feed_forward_macaron = feed_forward_macaron
        self.conv_mod = conv_mod
        norm_args = norm_args or {}
        self.norm_feed_forward = norm_class(block_size, **norm_args)
        self.norm_self_att = norm_class(block_size, **norm_args)
        self.norm_macaron = norm_class(block_size, **norm_args)
        self.norm_conv = norm_class(block_size, **norm_args)
        self.norm_final = norm_class(block_size, **norm_args)
        self.dropout = nn.Dropout(dropout_rate)
        self.block_size = block_size

    def caches(self, left_context: int) -> tuple[tuple[int, int], ...]:
        """Of the attention, and of a causal convolution."""
        return ((left_context, self.block_size), *self.conv_mod.depthwise_conv.caches())

    def step(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """See the base class: (B, T, D) → (B, T, D), and the next caches."""
        x = x + 0.5 * self.dropout(self.feed_forward_macaron(self.norm_macaron(x)))
        attended, *att_cache = self.self_att(self.norm_self_att(x), pos_enc, bias, right, *caches[:1])
        x = x + self.dropout(attended)
        convolved, *conv_cache = self.conv_mod(self.norm_conv(x), padding, right, *caches[1:])
        x = x + self.dropout(convolved)
        x = x + 0.5 * self.dropout(self.feed_forward(self.norm_feed_forward(x)))
        return self.norm_final(x), *att_cache, *conv_cache
