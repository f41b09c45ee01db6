"""E-Branchformer encoder of OWSM-CTC (Peng et al. 2024), with cross-attention to a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention, as_bias
from espnet.nets.pytorch_backend.transformer.embedding import POSITIONAL_ENCODINGS
from espnet.nets.pytorch_backend.transformer.subsampling import (
    Conv2dSubsampling,
    Embedded,
    MakeInput,
    subsample,
)
from espnet2.asr.encoder.branchformer_encoder import FRAME_INPUTS
from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder, EBranchformerEncoderLayer

CONVOLUTIONS = ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")  # input layers that take a prompt's frames


class EBranchformerCTCEncoder(EBranchformerEncoder):
    """E-Branchformer encoder with a prompt.

    Recognition has no prompt; the cross-attention is then skipped.

    Args:
        input_size, output_size, attention_heads, attention_layer_type, pos_enc_layer_type, rel_pos_type,
            cgmlp_linear_units, cgmlp_conv_kernel, use_linear_after_conv, gate_activation, num_blocks, dropout_rate,
            positional_dropout_rate, attention_dropout_rate: as for `EBranchformerEncoder`.
        input_layer: one of `CONVOLUTIONS`, "linear", "embed" or None.
        zero_triu, padding_idx, layer_drop_rate, max_pos_emb_len, use_ffn, macaron_ffn, ffn_activation_type,
            linear_units, positionwise_layer_type, merge_conv_kernel, interctc_layer_idx, interctc_use_conditioning: as
            for `EBranchformerEncoder`.
        use_cross_attention: whether layers attend to a prompt's memory; for all, or for each.
        use_flash_attn, use_sdpa: upstream's choice of a kernel; results do not depend on it.
    """

    frame_inputs: Mapping[str | None, MakeInput] = {name: FRAME_INPUTS[name] for name in (*CONVOLUTIONS, "linear")}
    encodings = POSITIONAL_ENCODINGS

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
        input_layer: str | None = "conv2d8",
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
        use_cross_attention: bool | list[bool] = True,
        use_flash_attn: bool = False,
        use_sdpa: bool = False,
    ):
        super().__init__(
            input_size,
            output_size,
            attention_heads,
            attention_layer_type,
            pos_enc_layer_type,
            rel_pos_type,
            cgmlp_linear_units,
            cgmlp_conv_kernel,
            use_linear_after_conv,
            gate_activation,
            num_blocks,
            dropout_rate,
            positional_dropout_rate,
            attention_dropout_rate,
            input_layer,
            zero_triu,
            padding_idx,
            layer_drop_rate,
            max_pos_emb_len,
            use_ffn,
            macaron_ffn,
            ffn_activation_type,
            linear_units,
            positionwise_layer_type,
            merge_conv_kernel,
            interctc_layer_idx,
            interctc_use_conditioning,
        )
        chosen = use_cross_attention if isinstance(use_cross_attention, list) else [use_cross_attention] * num_blocks
        if len(chosen) != num_blocks:
            raise ValueError(f"use_cross_attention has {len(chosen)} values for {num_blocks} layers")
        for layer, across in zip(self.encoders, chosen, strict=True):
            assert isinstance(layer, EBranchformerEncoderLayer)
            if across:
                layer.attend_across(MultiHeadedAttention(attention_heads, output_size, attention_dropout_rate))

    def forward(
        self,
        xs_pad: Tensor,
        ilens: Tensor,
        prev_states: Tensor | None = None,
        masks: Tensor | None = None,
        ctc: Any = None,
        return_all_hs: bool = False,
        max_layer: int | None = None,
        prefix_embeds: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Any, Tensor, Tensor | None]:
        """Encode a padded batch; padding does not change an utterance's result.

        Args:
            xs_pad, ilens, prev_states, masks, ctc, return_all_hs: as for `EBranchformerEncoder`.
            max_layer: the last layer that runs, counted from 0, unlike there; the stack's last by default.
            prefix_embeds: (B, P, D), P frames put before the utterance's; for input layers in `CONVOLUTIONS`.
            memory: (B, M, D), the prompt that layers attend to.
            memory_mask: (B, 1, M) bool, True at visible positions; None if all are.

        Returns:
            (B, P + T', D), lengths (B,), None; with intermediate CTC as `StackedEncoder`.

        Raises:
            TooShortUttError: fewer frames than the input layer needs.
            ValueError: `prefix_embeds` with another input layer.
        """
        self.check_length(xs_pad)
        lengths = ilens if masks is None else (~masks).sum(dim=-1)
        embedded = (
            self.embed(xs_pad, lengths) if prefix_embeds is None else self.prefixed(prefix_embeds, xs_pad, lengths)
        )
        interctc = [] if return_all_hs else self.interctc_layer_idx
        further = (memory, as_bias(memory_mask, embedded[0].dtype))
        layers = None if max_layer is None else max(max_layer, 0) + 1
        return self.run_layers(embedded, interctc, ctc, return_all_hs, layers, further)

    def prefixed(self, prefix_embeds: Tensor, xs_pad: Tensor, lengths: Tensor) -> Embedded:
        """Output of the input layer, for prefix_embeds (B, P, D) before the frames of xs_pad (B, T, F)."""
        embed = self.embed
        if not isinstance(embed, Conv2dSubsampling):
            raise ValueError(f"prefix_embeds needs an input_layer among {', '.join(CONVOLUTIONS)}")
        linear, positions = embed.last_layers()
        x = torch.cat((prefix_embeds, linear(embed.convolve(xs_pad))), dim=1)
        lengths = subsample(lengths, embed.length) + prefix_embeds.shape[1]
        return *positions.with_positions(x, lengths), lengths
