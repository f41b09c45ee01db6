"""E-Branchformer encoder (Kim et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.conformer.convolution import DepthwiseConv1d
from espnet.nets.pytorch_backend.nets_utils import by_rows, choose, get_activation, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.attention_choice import MakePositions
from espnet.nets.pytorch_backend.transformer.embedding import (
    POSITIONAL_ENCODINGS,
    ConvolutionalPositionalEmbedding,
    Positions,
)
from espnet.nets.pytorch_backend.transformer.encoder import feed_forward_maker
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.residual import ResidualLayer
from espnet.nets.pytorch_backend.transformer.subsampling import (
    INPUT_LAYERS,
    InputLayer,
    MakeInput,
    bare_input,
    positions_input,
)
from espnet2.asr.encoder.attention_choice import BranchAttention, branch_attention
from espnet2.asr.encoder.branchformer_encoder import FRAME_INPUTS, branch_inputs
from espnet2.asr.encoder.stacked_encoder import StackedEncoder
from espnet2.asr.layers.cgmlp import ConvolutionalGatingMLP


def positions_or_bare(idim: int, odim: int, dropout_rate: float, pos_enc: Positions) -> InputLayer:
    """Positional encoding alone, or a linear layer alone if the sizes differ."""
    return (positions_input if idim == odim else bare_input)(idim, odim, dropout_rate, pos_enc)


class EBranchformerEncoderLayer(ResidualLayer):
    """Attention and cgMLP side by side, merged with a depthwise convolution, between feed-forward networks.

    Args:
        size: D.
        attn: attention.
        cgmlp: cgMLP.
        feed_forward: feed-forward network at the end, or None.
        feed_forward_macaron: the one at the beginning, or None; where there is one, both count half.
        dropout_rate: dropout of each.
        merge_conv_kernel: frames that the merging convolution spans, odd.
    """

    def __init__(
        self,
        size: int,
        attn: BranchAttention,
        cgmlp: ConvolutionalGatingMLP,
        feed_forward: nn.Module | None,
        feed_forward_macaron: nn.Module | None,
        dropout_rate: float,
        merge_conv_kernel: int = 3,
    ):
        super().__init__(size, dropout_rate)
        self.attn = attn
        self.cgmlp = cgmlp
        self.feed_forward = feed_forward
        self.feed_forward_macaron = feed_forward_macaron
        self.cross_attn: MultiHeadedAttention | None = None
        self.ff_scale = 1.0
        if feed_forward is not None:
            self.norm_ff = LayerNorm(size)
        if feed_forward_macaron is not None:
            self.ff_scale = 0.5
            self.norm_ff_macaron = LayerNorm(size)
        self.norm_mha = LayerNorm(size)
        self.norm_mlp = LayerNorm(size)
        self.norm_final = LayerNorm(size)
        self.depthwise_conv_fusion = DepthwiseConv1d(2 * size, merge_conv_kernel)
        self.merge_proj = nn.Linear(2 * size, size)

    def attend_across(self, cross_attn: MultiHeadedAttention) -> None:
        """Add cross-attention to a memory."""
        self.cross_attn = cross_attn
        self.norm_cross_attn = LayerNorm(self.size)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        pos_emb: Tensor | None = None,
        padding: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Encode.

        Args:
            x: (B, T, D).
            mask: (B, 1, T) bool, True at visible frames, or its `attention_bias`, or None.
            pos_emb: encodings of relative positions for attention that reads them.
            padding: (B, T, 1) bool, True at padded frames.
            memory: (B, M, D), for layers with `cross_attn`; None for nothing.
            memory_mask: (B, 1, M) bool, or its `attention_bias`, or None.

        Returns:
            (B, T, D).
        """
        if self.feed_forward_macaron is not None:
            x = self.feed(x, self.norm_ff_macaron, self.feed_forward_macaron)
        attended = self.dropout(self.attn.attend_self(self.norm_mha(x), mask, pos_emb))
        gated = self.dropout(self.cgmlp(self.norm_mlp(x), padding))
        x = self.add(x, self.dropout(self.merge(torch.cat((attended, gated), dim=-1), padding)))
        if self.feed_forward is not None:
            x = self.feed(x, self.norm_ff, self.feed_forward)
        across = self.cross_attn
        if across is not None and memory is not None:
            x = self.attention(x, self.norm_cross_attn, lambda y: across(y, memory, memory, memory_mask))
        return self.norm_final(x)

    def feed(self, x: Tensor, norm: nn.Module, feed_forward: nn.Module) -> Tensor:
        """The residual branch of a feed-forward network: (B, T, D) → (B, T, D)."""
        return self.residual(x, norm, lambda y: self.dropout(feed_forward(y)), self.ff_scale)

    def merge(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """Both branches' results x (B, T, 2D) → (B, T, D)."""
        neighbours = self.depthwise_conv_fusion(hide_padding(x, padding).transpose(1, 2)).transpose(1, 2)
        return by_rows(self.merge_proj, x + neighbours)


class EBranchformerEncoder(StackedEncoder):
    """E-Branchformer encoder.

    Attributes:
        frame_inputs: input layers that read features.
        encodings: positional encodings.

    Args:
        input_size: F, size of the features.
        output_size: D.
        attention_heads: H.
        attention_layer_type: "selfattn", "rel_selfattn", "legacy_rel_selfattn" or "fast_selfattn".
        pos_enc_layer_type: "abs_pos", "scaled_abs_pos", "rel_pos", "legacy_rel_pos", or "conv" with "selfattn".
        rel_pos_type: "legacy" gives "rel_pos" and "rel_selfattn" their meaning before 2021; or "latest".
        cgmlp_linear_units: channels of cgMLP, even.
        cgmlp_conv_kernel: frames that the kernel of its gate spans, odd.
        use_linear_after_conv: whether the gate ends in a linear layer.
        gate_activation: "identity", or a name in `nets_utils.ACTIVATIONS`.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: a name in `INPUT_LAYERS`; None adds positions to features that have size D already, and is a
            linear layer without positions for others.
        zero_triu: no relative-position scores above the diagonal; "rel_selfattn" of the latest type only.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        layer_drop_rate: probability that training skips a layer.
        max_pos_emb_len: number from which legacy positions count down.
        use_ffn: whether layers have feed-forward networks.
        macaron_ffn: whether they have one at the beginning, too; without effect unless `use_ffn`.
        ffn_activation_type: a name in `nets_utils.ACTIVATIONS`.
        linear_units: size between the feed-forward layers.
        positionwise_layer_type: only "linear".
        merge_conv_kernel: frames that the merging convolution spans, odd.
        interctc_layer_idx, interctc_use_conditioning: see `StackedEncoder`; layers end in a normalisation here, so CTC
            gets their output unchanged.
        qk_norm: normalise queries and keys per head; "selfattn" only.
        use_flash_attn, use_sdpa: upstream's choice of a kernel; results do not depend on it.
        gradient_checkpoint_layers: for training only.
    """

    frame_inputs: Mapping[str | None, MakeInput] = {
        **FRAME_INPUTS,
        **{name: INPUT_LAYERS[name] for name in ("conv1d1", "conv1d2", "conv1d3")},
    }

    encodings: Mapping[str, MakePositions] = {**POSITIONAL_ENCODINGS, "conv": ConvolutionalPositionalEmbedding}

    @typechecked
    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        attention_heads: int = 4,
        attention_layer_type: str = "rel_selfattn",
        pos_enc_layer_type: str = "rel_pos",
        rel_pos_type: str = "latest",
        cgmlp_linear_units: int = 2048,
        cgmlp_conv_kernel: int = 31,
        use_linear_after_conv: bool = False,
        gate_activation: str = "identity",
        num_blocks: int = 12,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: str | None = "conv2d",
        zero_triu: bool = False,
        padding_idx: int = -1,
        layer_drop_rate: float = 0.0,
        max_pos_emb_len: int = 5000,
        use_ffn: bool = False,
        macaron_ffn: bool = False,
        ffn_activation_type: str = "swish",
        linear_units: int = 2048,
        positionwise_layer_type: str = "linear",
        merge_conv_kernel: int = 3,
        interctc_layer_idx: list[int] | tuple[int, ...] | None = None,
        interctc_use_conditioning: bool = False,
        qk_norm: bool = False,
        use_flash_attn: bool = True,
        gradient_checkpoint_layers: list[int] | tuple[int, ...] = (),
        use_sdpa: bool = False,
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks)
        require_positive(linear_units=linear_units, max_pos_emb_len=max_pos_emb_len)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        heads = (attention_heads, output_size, attention_dropout_rate)
        positions, make_attention = branch_attention(
            rel_pos_type, pos_enc_layer_type, attention_layer_type, heads, zero_triu, qk_norm, self.encodings
        )
        gate = (cgmlp_linear_units, cgmlp_conv_kernel, dropout_rate, use_linear_after_conv, gate_activation)
        choose("positionwise_layer_type", positionwise_layer_type, {"linear": None})
        activation = get_activation(ffn_activation_type)
        feed_forward = feed_forward_maker("linear", output_size, linear_units, 1, dropout_rate, activation)
        inputs = branch_inputs(self.frame_inputs, padding_idx, positions_or_bare, True, positions)
        pos_enc = self.encodings[positions](output_size, positional_dropout_rate, max_pos_emb_len)
        super().__init__(
            input_size,
            output_size,
            choose("input_layer", input_layer, inputs)(input_size, output_size, dropout_rate, pos_enc),
            repeat(
                num_blocks,
                lambda index: EBranchformerEncoderLayer(
                    output_size,
                    make_attention(),
                    ConvolutionalGatingMLP(output_size, *gate),
                    feed_forward() if use_ffn else None,
                    feed_forward() if use_ffn and macaron_ffn else None,
                    dropout_rate,
                    merge_conv_kernel,
                ),
                layer_drop_rate,
            ),
            normalize_before=True,
            interctc_layer_idx=interctc_layer_idx or (),
            interctc_use_conditioning=interctc_use_conditioning,
        )
        self.input_layer_reads_tokens = input_layer == "embed"

    def forward(
        self,
        xs_pad: Tensor,
        ilens: Tensor,
        prev_states: Tensor | None = None,
        masks: Tensor | None = None,
        ctc: Any = None,
        return_all_hs: bool = False,
        max_layer: int | None = None,
    ) -> tuple[Any, Tensor, Tensor | None]:
        """Encode a padded batch; padding does not change an utterance's result.

        Args:
            xs_pad, ilens, prev_states, masks, ctc: as for `StackedEncoder`.
            return_all_hs: return every layer's output, instead of those for intermediate CTC, which has no effect then.
            max_layer: number of layers to run, all by default.

        Returns:
            As `StackedEncoder`.
        """
        self.check_length(xs_pad)
        embedded = self.embed(xs_pad, ilens if masks is None else (~masks).sum(dim=-1))
        interctc = [] if return_all_hs else self.interctc_layer_idx
        return self.run_layers(embedded, interctc, ctc, return_all_hs, max_layer)

    def intermediate(self, x: Tensor) -> Tensor:
        """Input of intermediate CTC for a layer's output x (B, T', D): x, which is normalised already."""
        return x
