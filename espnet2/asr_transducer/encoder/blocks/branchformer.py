"""Branchformer block of the stand-alone transducer's encoder (Peng et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from espnet2.asr_transducer.encoder.abs_block import AbsBlock
from espnet2.asr_transducer.encoder.modules.attention import RelPositionMultiHeadedAttention
from espnet2.asr_transducer.encoder.modules.convolution import ConvolutionalSpatialGatingUnit


class Branchformer(AbsBlock):
    """Attention and a gated convolution side by side.

    Args:
        block_size: D.
        linear_size: channels of the gated convolution, even.
        self_att: attention of D features.
        conv_mod: of `linear_size` channels.
        norm_class: makes a normalisation of a size.
        norm_args: its keywords.
        dropout_rate: dropout of each branch and of the merged result.
    """

    def __init__(
        self,
        block_size: int,
        linear_size: int,
        self_att: RelPositionMultiHeadedAttention,
        conv_mod: ConvolutionalSpatialGatingUnit,
        norm_class: Callable[..., nn.Module] = nn.LayerNorm,
        norm_args: Mapping[str, Any] | None = None,
        dropout_rate: float = 0.0,
    ):
        super().__init__()
        norm_args = norm_args or {}
        self.block_size = block_size
        self.self_att = self_att
        self.conv_mod = conv_mod
        self.channel_proj1 = nn.Sequential(nn.Linear(block_size, linear_size), nn.GELU())
        self.channel_proj2 = nn.Linear(linear_size // 2, block_size)
        self.merge_proj = nn.Linear(2 * block_size, block_size)
        self.norm_self_att = norm_class(block_size, **norm_args)
        self.norm_mlp = norm_class(block_size, **norm_args)
        self.norm_final = norm_class(block_size, **norm_args)
        self.dropout = nn.Dropout(dropout_rate)

    def caches(self, left_context: int) -> tuple[tuple[int, int], ...]:
        """See `AbsBlock`: caches of attention, and of a causal convolution."""
        return ((left_context, self.block_size), *self.conv_mod.conv.caches())

    def step(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """See `AbsBlock`."""
        branches, *kept = self.branches(x, pos_enc, bias, padding, right, *caches)
        return self.norm_final(x + self.dropout(self.merge_proj(branches))), *kept

    def branches(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Run both branches on the arguments of `step`: (B, T, 2D), and the next caches."""
        attended, *seen = self.self_att(self.norm_self_att(x), pos_enc, bias, right, *caches[:1])
        convolved, *convolution = self.conv_mod(self.channel_proj1(self.norm_mlp(x)), padding, right, *caches[1:])
        found = self.dropout(attended), self.dropout(self.channel_proj2(convolved))
        return torch.cat(found, dim=-1), *seen, *convolution
