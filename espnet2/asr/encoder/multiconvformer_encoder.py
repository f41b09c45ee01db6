"""Multi-Convformer: a Conformer whose convolution module is a cgMLP with several kernel sizes (Prabhu et al. 2024)."""

from __future__ import annotations

import functools

from typeguard import typechecked

from espnet.nets.pytorch_backend.conformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.nets_utils import choose, get_activation, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention_choice import (
    attention_makers,
    rates_of_layers,
    resolve_positions,
)
from espnet.nets.pytorch_backend.transformer.embedding import POSITIONAL_ENCODINGS
from espnet.nets.pytorch_backend.transformer.encoder import feed_forward_maker
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.subsampling import MakeInput, token_input
from espnet2.asr.encoder.branchformer_encoder import FRAME_INPUTS
from espnet2.asr.encoder.stacked_encoder import StackedEncoder
from espnet2.asr.layers.multiconv_cgmlp import MultiConvolutionalGatingMLP


class MultiConvConformerEncoder(StackedEncoder):
    """Multi-Convformer encoder.

    Args:
        input_size: F, size of the features.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        cgmlp_linear_units: channels of cgMLP, even.
        multicgmlp_type: "sum", "weighted_sum", "concat" or "concat_fusion".
        multicgmlp_kernel_sizes: kernel sizes of its gate in frames, odd, separated by commas.
        multicgmlp_merge_conv_kernel: frames that the last kernel of "concat_fusion" spans, odd.
        multicgmlp_use_non_linear: whether "sum" adds activations; without effect on the others.
        use_linear_after_conv: whether the gate ends in a linear layer.
        gate_activation: "identity", or a name in `nets_utils.ACTIVATIONS`.
        input_layer: "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "linear" or "embed".
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        macaron_style: feed-forward networks at both ends of a layer.
        rel_pos_type: "legacy" gives "rel_pos" and "rel_selfattn" their meaning before 2021; or "latest".
        pos_enc_layer_type: "abs_pos", "scaled_abs_pos", "rel_pos" or "legacy_rel_pos".
        selfattention_layer_type: "selfattn", "rel_selfattn" or "legacy_rel_selfattn".
        activation_type: a name in `nets_utils.ACTIVATIONS`.
        use_cnn_module: whether layers have the cgMLP.
        zero_triu: no relative-position scores above the diagonal; "rel_selfattn" of the latest type only.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        interctc_layer_idx, interctc_use_conditioning: see `StackedEncoder`.
        stochastic_depth_rate: probability that training skips a layer; one number, or one for each layer.
        layer_drop_rate: the same, drawn by the stack.
        max_pos_emb_len: number from which legacy positions count down.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        cgmlp_linear_units: int = 2048,
        multicgmlp_type: str = "concat_fusion",
        multicgmlp_kernel_sizes: int | str = "7,15,23,31",
        multicgmlp_merge_conv_kernel: int = 31,
        multicgmlp_use_non_linear: int = True,
        use_linear_after_conv: bool = False,
        gate_activation: str = "identity",
        input_layer: str = "conv2d",
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 3,
        macaron_style: bool = False,
        rel_pos_type: str = "legacy",
        pos_enc_layer_type: str = "rel_pos",
        selfattention_layer_type: str = "rel_selfattn",
        activation_type: str = "swish",
        use_cnn_module: bool = True,
        zero_triu: bool = False,
        padding_idx: int = -1,
        interctc_layer_idx: list[int] | tuple[int, ...] = (),
        interctc_use_conditioning: bool = False,
        stochastic_depth_rate: float | list[float] = 0.0,
        layer_drop_rate: float = 0.0,
        max_pos_emb_len: int = 5000,
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks)
        require_positive(linear_units=linear_units, max_pos_emb_len=max_pos_emb_len)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        rates = rates_of_layers("stochastic_depth_rate", stochastic_depth_rate, num_blocks)
        attentions = attention_makers(attention_heads, output_size, attention_dropout_rate, zero_triu)
        positions, attention = resolve_positions(rel_pos_type, pos_enc_layer_type, selfattention_layer_type)
        activation = get_activation(activation_type)
        feed_forward = feed_forward_maker(
            positionwise_layer_type, output_size, linear_units, positionwise_conv_kernel_size, dropout_rate, activation
        )
        fusion = (
            multicgmlp_type,
            multicgmlp_kernel_sizes,
            multicgmlp_merge_conv_kernel,
            bool(multicgmlp_use_non_linear),
        )
        gate = (dropout_rate, use_linear_after_conv, activation, gate_activation)
        pos_enc = POSITIONAL_ENCODINGS[positions](output_size, positional_dropout_rate, max_pos_emb_len)
        inputs: dict[str | None, MakeInput] = {
            **FRAME_INPUTS,
            "embed": functools.partial(token_input, padding_idx=padding_idx),
        }
        super().__init__(
            input_size,
            output_size,
            choose("input_layer", input_layer, inputs)(input_size, output_size, dropout_rate, pos_enc),
            repeat(
                num_blocks,
                lambda index: EncoderLayer(
                    output_size,
                    attentions[attention](),
                    feed_forward(),
                    feed_forward() if macaron_style else None,
                    MultiConvolutionalGatingMLP(output_size, cgmlp_linear_units, *fusion, *gate)
                    if use_cnn_module
                    else None,
                    dropout_rate,
                    normalize_before,
                    concat_after,
                    rates[index],
                ),
                layer_drop_rate,
            ),
            normalize_before,
            interctc_layer_idx,
            interctc_use_conditioning,
        )
        self.input_layer_reads_tokens = input_layer == "embed"
