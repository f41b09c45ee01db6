"""Branchformer encoder (Peng et al. 2022)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import by_rows, choose, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention import as_bias
from espnet.nets.pytorch_backend.transformer.attention_choice import rates_of_layers
from espnet.nets.pytorch_backend.transformer.embedding import POSITIONAL_ENCODINGS, Positions
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.residual import ResidualLayer
from espnet.nets.pytorch_backend.transformer.subsampling import (
    INPUT_LAYERS,
    InputLayer,
    MakeInput,
    bare_input,
    token_input,
)
from espnet2.asr.encoder.attention_choice import BranchAttention, branch_attention
from espnet2.asr.encoder.stacked_encoder import StackedEncoder
from espnet2.asr.layers.cgmlp import ConvolutionalGatingMLP

FRAME_INPUTS: Mapping[str | None, MakeInput] = {
    name: INPUT_LAYERS[name] for name in ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "linear")
}


def branch_inputs(
    known: Mapping[str | None, MakeInput], padding_idx: int, none: MakeInput, none_has_positions: bool, positions: str
) -> dict[str | None, MakeInput]:
    """Input layers of a Branchformer, by name.

    Args:
        known: input layers that read features.
        padding_idx: token whose embedding is zero and not trained.
        none: maker of the layer used when `input_layer` is None.
        none_has_positions: whether that layer adds positions.
        positions: name of the positional encoding.
    """

    def nothing(idim: int, odim: int, dropout_rate: float, pos_enc: Positions) -> InputLayer:
        if positions.endswith("rel_pos") and not (none_has_positions and idim == odim):
            raise ValueError(f"input_layer None adds no positions, which attention with {positions!r} needs")
        return none(idim, odim, dropout_rate, pos_enc)

    return {**known, "embed": functools.partial(token_input, padding_idx=padding_idx), None: nothing}


class BranchformerEncoderLayer(ResidualLayer):
    """Attention and cgMLP side by side, merged.

    Args:
        size: D.
        attn: attention, or None.
        cgmlp: cgMLP, or None.
        dropout_rate: dropout of either branch and of their merger.
        merge_method: a name in `MERGES`, for layers that have both.
        cgmlp_weight: weight of cgMLP in "fixed_ave", from 0 to 1; attention has the rest. A branch of weight 0 is left
            out.
        attn_branch_drop_rate: probability that training gives all weight to cgMLP, except in "fixed_ave".
        stochastic_depth_rate: probability that training skips the layer.
    """

    pooling_proj1: nn.Module
    pooling_proj2: nn.Module
    weight_proj1: nn.Module
    weight_proj2: nn.Module
    merge: Callable[..., Tensor] | None

    def __init__(
        self,
        size: int,
        attn: BranchAttention | None,
        cgmlp: ConvolutionalGatingMLP | None,
        dropout_rate: float,
        merge_method: str,
        cgmlp_weight: float = 0.5,
        attn_branch_drop_rate: float = 0.0,
        stochastic_depth_rate: float = 0.0,
    ):
        super().__init__(size, dropout_rate, stochastic_depth_rate=stochastic_depth_rate)
        merge = choose("merge_method", merge_method, MERGES)
        if attn is None and cgmlp is None:
            raise ValueError("use_attn and use_cgmlp: expected at least one of them, found neither")
        both = attn is not None and cgmlp is not None
        if both and merge_method == "fixed_ave":
            attn, cgmlp = (attn if cgmlp_weight < 1.0 else None), (cgmlp if cgmlp_weight > 0.0 else None)
        self.attn = attn
        self.cgmlp = cgmlp
        self.cgmlp_weight = cgmlp_weight
        self.attn_branch_drop_rate = attn_branch_drop_rate
        if attn is not None:
            self.norm_mha = LayerNorm(size)
        if cgmlp is not None:
            self.norm_mlp = LayerNorm(size)
        self.norm_final = LayerNorm(size)
        self.merge = merge if attn is not None and cgmlp is not None else None
        self.merge_proj: nn.Module = nn.Identity()
        if both:
            self.merge_proj = nn.Linear(2 * size if merge_method == "concat" else size, size)
        if self.merge is _learned_average:
            for name in ("pooling_proj1", "pooling_proj2", "weight_proj1", "weight_proj2"):
                self.add_module(name, nn.Linear(size, 1))

    def attention_dropped(self) -> bool:
        """Draw whether training drops the attention branch in this call."""
        return self.training and torch.rand(()).item() < self.attn_branch_drop_rate

    def forward(
        self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None = None, padding: Tensor | None = None
    ) -> Tensor:
        """Encode.

        Args:
            x: (B, T, D).
            mask: (B, 1, T) bool, True at visible frames, or its `attention_bias`, or None.
            pos_emb: encodings of relative positions for attention that reads them.
            padding: (B, T, 1) bool, True at padded frames.

        Returns:
            (B, T, D).
        """
        if self.skipped():
            return x
        branches = []
        if self.attn is not None:
            branches.append(self.dropout(self.attn.attend_self(self.norm_mha(x), mask, pos_emb)))
        if self.cgmlp is not None:
            branches.append(self.dropout(self.cgmlp(self.norm_mlp(x), padding)))
        merged = branches[0] if self.merge is None else self.merge(self, *branches, mask)
        return self.norm_final(self.add(x, self.dropout(by_rows(self.merge_proj, merged))))


def _concat(layer: BranchformerEncoderLayer, attended: Tensor, gated: Tensor, mask: Tensor | None) -> Tensor:
    return torch.cat((torch.zeros_like(attended) if layer.attention_dropped() else attended, gated), dim=-1)


def _learned_average(layer: BranchformerEncoderLayer, attended: Tensor, gated: Tensor, mask: Tensor | None) -> Tensor:
    if layer.attention_dropped():
        return gated
    scores = [
        weigh(_pooled(branch, pool(branch), mask))
        for branch, pool, weigh in (
            (attended, layer.pooling_proj1, layer.weight_proj1),
            (gated, layer.pooling_proj2, layer.weight_proj2),
        )
    ]
    weights = torch.softmax(torch.cat(scores, dim=-1), dim=-1)
    return weights[..., :1] * attended + weights[..., 1:] * gated


def _pooled(x: Tensor, scores: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over time of x (B, T, D), weighted by the softmax of `scores` (B, T, 1) → (B, 1, D)."""
    logits = scores.transpose(1, 2) / x.shape[-1] ** 0.5
    bias = as_bias(mask, x.dtype)
    return torch.matmul(torch.softmax(logits if bias is None else logits + bias.squeeze(1), dim=-1), x)


def _fixed_average(layer: BranchformerEncoderLayer, attended: Tensor, gated: Tensor, mask: Tensor | None) -> Tensor:
    return (1.0 - layer.cgmlp_weight) * attended + layer.cgmlp_weight * gated


# Ways of merging the outputs of attention and cgMLP, (B, T, D) each.
MERGES: dict[str, Callable[[BranchformerEncoderLayer, Tensor, Tensor, Tensor | None], Tensor]] = {
    "concat": _concat,
    "learned_ave": _learned_average,
    "fixed_ave": _fixed_average,
}


class BranchformerEncoder(StackedEncoder):
    """Branchformer encoder.

    Args:
        input_size: F, size of the features.
        output_size: D.
        use_attn: whether layers have an attention branch.
        attention_heads: H.
        attention_layer_type: "selfattn", "rel_selfattn", "legacy_rel_selfattn" or "fast_selfattn".
        pos_enc_layer_type: "abs_pos", "scaled_abs_pos", "rel_pos" or "legacy_rel_pos".
        rel_pos_type: "legacy" gives "rel_pos" and "rel_selfattn" their meaning before 2021; or "latest".
        use_cgmlp: whether layers have a cgMLP branch.
        cgmlp_linear_units: channels of cgMLP, even.
        cgmlp_conv_kernel: frames that the kernel of its gate spans, odd.
        use_linear_after_conv: whether the gate ends in a linear layer.
        gate_activation: "identity", or a name in `nets_utils.ACTIVATIONS`.
        merge_method: "concat", "learned_ave" or "fixed_ave".
        cgmlp_weight: weight of cgMLP in "fixed_ave"; one number, or one for each layer.
        attn_branch_drop_rate: probability that training drops attention; one number, or one for each layer.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "linear", "embed"; None adds no positions.
        zero_triu: no relative-position scores above the diagonal; "rel_selfattn" of the latest type only.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        stochastic_depth_rate: probability that training skips a layer; one number, or one for each layer.
        qk_norm: normalise queries and keys per head; "selfattn" only.
        use_flash_attn, use_sdpa: upstream's choice of a kernel; results do not depend on it.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        use_attn: bool = True,
        attention_heads: int = 4,
        attention_layer_type: str = "rel_selfattn",
        pos_enc_layer_type: str = "rel_pos",
        rel_pos_type: str = "latest",
        use_cgmlp: bool = True,
        cgmlp_linear_units: int = 2048,
        cgmlp_conv_kernel: int = 31,
        use_linear_after_conv: bool = False,
        gate_activation: str = "identity",
        merge_method: str = "concat",
        cgmlp_weight: float | list[float] = 0.5,
        attn_branch_drop_rate: float | list[float] = 0.0,
        num_blocks: int = 12,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: str | None = "conv2d",
        zero_triu: bool = False,
        padding_idx: int = -1,
        stochastic_depth_rate: float | list[float] = 0.0,
        qk_norm: bool = False,
        use_flash_attn: bool = True,
        use_sdpa: bool = False,
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        weights = rates_of_layers("cgmlp_weight", cgmlp_weight, num_blocks)
        attn_drop_rates = rates_of_layers("attn_branch_drop_rate", attn_branch_drop_rate, num_blocks)
        depth_rates = rates_of_layers("stochastic_depth_rate", stochastic_depth_rate, num_blocks)
        heads = (attention_heads, output_size, attention_dropout_rate)
        positions, make_attention = branch_attention(
            rel_pos_type, pos_enc_layer_type, attention_layer_type, heads, zero_triu, qk_norm
        )
        gate = (cgmlp_linear_units, cgmlp_conv_kernel, dropout_rate, use_linear_after_conv, gate_activation)
        inputs = branch_inputs(FRAME_INPUTS, padding_idx, bare_input, False, positions)
        pos_enc = POSITIONAL_ENCODINGS[positions](output_size, positional_dropout_rate)
        super().__init__(
            input_size,
            output_size,
            choose("input_layer", input_layer, inputs)(input_size, output_size, dropout_rate, pos_enc),
            repeat(
                num_blocks,
                lambda index: BranchformerEncoderLayer(
                    output_size,
                    make_attention() if use_attn else None,
                    ConvolutionalGatingMLP(output_size, *gate) if use_cgmlp else None,
                    dropout_rate,
                    merge_method,
                    weights[index],
                    attn_drop_rates[index],
                    depth_rates[index],
                ),
            ),
            normalize_before=True,
            interctc_layer_idx=(),
            interctc_use_conditioning=False,
        )
        self.input_layer_reads_tokens = input_layer == "embed"
