"""Layer of the Conformer (Gulati et al. 2020, section 2.4)."""

from __future__ import annotations

from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.attention import AttentionHeads
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.longformer_attention import LongformerAttention
from espnet.nets.pytorch_backend.transformer.residual import ResidualLayer


class EncoderLayer(ResidualLayer):
    """Half a feed-forward network, self-attention, convolution, and the other half.

    Args:
        size: D.
        self_attn: attention.
        feed_forward: feed-forward network at the end.
        feed_forward_macaron: the one at the beginning, or None; where there is one, both count half.
        conv_module: convolution module, or None.
        dropout_rate: dropout of each.
        normalize_before: normalise before (True) or after (False) each of them.
        concat_after: combine attention's input and output by a linear layer.
        stochastic_depth_rate: probability that training skips the layer.
    """

    def __init__(
        self,
        size: int,
        self_attn: AttentionHeads | LongformerAttention,
        feed_forward: nn.Module,
        feed_forward_macaron: nn.Module | None,
        conv_module: nn.Module | None,
        dropout_rate: float,
        normalize_before: bool = True,
        concat_after: bool = False,
        stochastic_depth_rate: float = 0.0,
    ):
        super().__init__(size, dropout_rate, normalize_before, concat_after, stochastic_depth_rate)
        self.self_attn = self_attn
        self.feed_forward = feed_forward
        self.feed_forward_macaron = feed_forward_macaron
        self.conv_module = conv_module
        self.norm_ff = LayerNorm(size)
        self.norm_mha = LayerNorm(size)
        self.ff_scale = 1.0
        if feed_forward_macaron is not None:
            self.ff_scale = 0.5
            self.norm_ff_macaron = LayerNorm(size)
        if conv_module is not None:
            self.norm_conv = LayerNorm(size)
            self.norm_final = LayerNorm(size)

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
        if self.feed_forward_macaron is not None:
            x = self.frame_branch(x, self.norm_ff_macaron, self.feed_forward_macaron, padding, self.ff_scale)
        x = self.attention(x, self.norm_mha, lambda y: self.self_attn.attend_self(y, mask, pos_emb))
        if self.conv_module is not None:
            x = self.frame_branch(x, self.norm_conv, self.conv_module, padding)
        x = self.frame_branch(x, self.norm_ff, self.feed_forward, padding, self.ff_scale)
        return x if self.conv_module is None else self.norm_final(x)

    def frame_branch(
        self, x: Tensor, norm: nn.Module, module: nn.Module, padding: Tensor | None, weight: float = 1.0
    ) -> Tensor:
        """Residual branch of a module that reads the mask of padded frames."""
        return self.residual(x, norm, lambda y: self.dropout(module(y, padding)), weight)
