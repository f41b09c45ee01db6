"""Transformer encoder (Vaswani et al. 2017, section 3.1)."""

from __future__ import annotations

import functools

from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.embedding import (
    ConvolutionalPositionalEmbedding,
    PositionalEncoding,
    Positions,
)
from espnet.nets.pytorch_backend.transformer.encoder import feed_forward_maker
from espnet.nets.pytorch_backend.transformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.subsampling import (
    INPUT_LAYERS,
    MakeInput,
    bare_input,
    linear_input,
    token_input,
)
from espnet2.asr.encoder.stacked_encoder import StackedEncoder


class TransformerEncoder(StackedEncoder):
    """Transformer encoder.

    Args:
        input_size: F, size of the features.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: a name in `INPUT_LAYERS`; None adds no positions.
        pos_enc_class: positional encoding.
        pos_enc_layer_type: "conv" with an input layer that does not begin with "conv2d"; else `pos_enc_class` decides,
            as in upstream.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        interctc_layer_idx, interctc_use_conditioning: see `StackedEncoder`.
        layer_drop_rate: probability that training skips a layer.
        qk_norm: normalise queries and keys per head.
        use_flash_attn, use_sdpa: upstream's choice of a kernel; results do not depend on it.
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
        input_layer: str | None = "conv2d",
        pos_enc_class: type[Positions] = PositionalEncoding,
        pos_enc_layer_type: str = "abs_pos",
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 1,
        padding_idx: int = -1,
        interctc_layer_idx: list[int] | tuple[int, ...] = (),
        interctc_use_conditioning: bool = False,
        layer_drop_rate: float = 0.0,
        qk_norm: bool = False,
        use_flash_attn: bool = True,
        use_sdpa: bool = False,
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks, linear_units=linear_units)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        convolutional = pos_enc_layer_type == "conv" and not str(input_layer).startswith("conv2d")
        positions = ConvolutionalPositionalEmbedding if convolutional else pos_enc_class
        inputs: dict[str | None, MakeInput] = {
            **INPUT_LAYERS,
            "linear": functools.partial(linear_input, relu=True),
            "embed": functools.partial(token_input, padding_idx=padding_idx),
            None: bare_input,
        }
        pos_enc = positions(output_size, positional_dropout_rate)
        feed_forward = feed_forward_maker(
            positionwise_layer_type, output_size, linear_units, positionwise_conv_kernel_size, dropout_rate
        )
        super().__init__(
            input_size,
            output_size,
            choose("input_layer", input_layer, inputs)(input_size, output_size, dropout_rate, pos_enc),
            repeat(
                num_blocks,
                lambda _: EncoderLayer(
                    output_size,
                    MultiHeadedAttention(attention_heads, output_size, attention_dropout_rate, qk_norm),
                    feed_forward(),
                    dropout_rate,
                    normalize_before,
                    concat_after,
                ),
                layer_drop_rate,
            ),
            normalize_before,
            interctc_layer_idx,
            interctc_use_conditioning,
        )
        self.input_layer_reads_tokens = input_layer == "embed"
