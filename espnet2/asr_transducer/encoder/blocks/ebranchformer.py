"""E-Branchformer block of the stand-alone transducer's encoder (Kim et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from espnet2.asr_transducer.encoder.blocks.branchformer import Branchformer
from espnet2.asr_transducer.encoder.modules.attention import RelPositionMultiHeadedAttention
from espnet2.asr_transducer.encoder.modules.convolution import ConvolutionalSpatialGatingUnit, DepthwiseConvolution


class EBranchformer(Branchformer):
    """Branchformer block with a convolutional merge, between two half feed-forward layers.

    Args:
        block_size, linear_size, self_att, conv_mod, norm_class, norm_args: see `Branchformer`.
        feed_forward: after the branches.
        feed_forward_macaron: before them.
        depthwise_conv_mod: of D features from each branch.
        dropout_rate: dropout of each branch and of the feed-forward layers.
    """

    def __init__(
        self,
        block_size: int,
        linear_size: int,
        self_att: RelPositionMultiHeadedAttention,
        feed_forward: nn.Module,
        feed_forward_macaron: nn.Module,
        conv_mod: ConvolutionalSpatialGatingUnit,
        depthwise_conv_mod: DepthwiseConvolution,
        norm_class: Callable[..., nn.Module] = nn.LayerNorm,
        norm_args: Mapping[str, Any] | None = None,
        dropout_rate: float = 0.0,
    ):
        super().__init__(block_size, linear_size, self_att, conv_mod, norm_class, norm_args, dropout_rate)
        self.feed_forward = feed_forward
        self.feed_forward_macaron = feed_forward_macaron
        self.depthwise_conv_mod = depthwise_conv_mod
        self.norm_feed_forward = norm_class(block_size, **(norm_args or {}))
        self.norm_feed_forward_macaron = norm_class(block_size, **(norm_args or {}))

    def caches(self, left_context: int) -> tuple[tuple[int, int], ...]:
        """See `AbsBlock`: caches of the branches, and of a causal merging convolution."""
        return (*super().caches(left_context), *self.depthwise_conv_mod.conv.caches())

    def step(
        self, x: Tensor, pos_enc: Tensor, bias: Tensor, padding: Tensor, right: int, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """See `AbsBlock`."""
        x = x + 0.5 * self.dropout(self.feed_forward_macaron(self.norm_feed_forward_macaron(x)))
        split = len(caches) - len(self.depthwise_conv_mod.conv.caches()) if caches else 0
        branches, *kept = self.branches(x, pos_enc, bias, padding, right, *caches[:split])
        convolved, *convolution = self.depthwise_conv_mod(branches, padding, right, *caches[split:])
        x = x + self.merge_proj(branches + convolved)
        x = x + 0.5 * self.dropout(self.feed_forward(self.norm_feed_forward(x)))
        return self.norm_final(x), *kept, *convolution
