"""Layer of the Conformer over blocks with context vectors (Tsunoo et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads
from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm


class ContextualBlockEncoderLayer(EncoderLayer):
    """Half a feed-forward network, self-attention, convolution, and the other half.

    Its rows are blocks, in which context vectors stand at both ends; the convolution runs over those as well.

    Args:
        size: D.
        self_attn: attention.
        feed_forward: feed-forward network at the end.
        feed_forward_macaron: the one at the beginning, or None; where there is one, both count half.
        conv_module: convolution module, or None.
        dropout_rate: dropout of each.
        normalize_before: normalise before (True) or after (False) each of them.
        concat_after: combine attention's input and output by a linear layer.
    """

    def __init__(
        self,
        size: int,
        self_attn: AttentionHeads,
        feed_forward: nn.Module,
        feed_forward_macaron: nn.Module | None,
        conv_module: nn.Module | None,
        dropout_rate: float,
        normalize_before: bool = True,
        concat_after: bool = False,
    ):
        super().__init__(size, self_attn, feed_forward, dropout_rate, normalize_before, concat_after)
        self.feed_forward_macaron = feed_forward_macaron
        self.conv_module = conv_module
        self.ff_scale = 1.0
        if feed_forward_macaron is not None:
            self.ff_scale = 0.5
            self.norm_ff_macaron = LayerNorm(size)
        if conv_module is not None:
            self.norm_conv = LayerNorm(size)
            self.norm_final = LayerNorm(size)

    def branches(self, x: Tensor, attend: Callable[[Tensor], Tensor], padding: Tensor | None) -> Tensor:
        """All residual branches: (B, T, D) → (B, T, D)."""

        def add(x: Tensor, norm: nn.Module, module: nn.Module, weight: float = 1.0) -> Tensor:
            return self.residual(x, norm, lambda y: self.dropout(module(y, padding)), weight)

        if self.feed_forward_macaron is not None:
            x = add(x, self.norm_ff_macaron, self.feed_forward_macaron, self.ff_scale)
        x = self.attention(x, self.norm1, attend)
        if self.conv_module is not None:
            x = add(x, self.norm_conv, self.conv_module)
        x = add(x, self.norm2, self.feed_forward, self.ff_scale)
        return x if self.conv_module is None else self.norm_final(x)
