"""Transformer decoder (Vaswani et al. 2017), and its variants under upstream's import path."""

from __future__ import annotations

from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.decoder_layer import DecoderLayer
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import PositionwiseFeedForward
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet2.asr.decoder.base_transformer_decoder import BaseTransformerDecoder
from espnet2.asr.decoder.convolution_decoder import (
    DynamicConvolution2DTransformerDecoder,
    DynamicConvolutionTransformerDecoder,
    LightweightConvolution2DTransformerDecoder,
    LightweightConvolutionTransformerDecoder,
)
from espnet2.asr.decoder.multi_source_decoder import TransformerMDDecoder

__all__ = [
    "BaseTransformerDecoder",
    "DynamicConvolution2DTransformerDecoder",
    "DynamicConvolutionTransformerDecoder",
    "LightweightConvolution2DTransformerDecoder",
    "LightweightConvolutionTransformerDecoder",
    "TransformerDecoder",
    "TransformerMDDecoder",
]


class TransformerDecoder(BaseTransformerDecoder):
    """Decoder of self-attention, source attention and feed-forward layers.

    Args:
        vocab_size: V.
        encoder_output_size: D, of the encoder's output and of the decoder.
        attention_heads: H.
        linear_units: size of the feed-forward networks.
        num_blocks: layers.
        dropout_rate: dropout of each residual branch.
        positional_dropout_rate: dropout after the positional encoding.
        self_attention_dropout_rate, src_attention_dropout_rate: dropout of attention weights.
        input_layer: "embed" for token ids, "linear" for vectors.
        use_output_layer: return scores of tokens rather than hidden vectors.
        pos_enc_class: positional encoding, made from D and a dropout rate.
        normalize_before: layers normalise their inputs, rather than their outputs.
        concat_after: combine attention's input and output by a linear layer.
        layer_drop_rate: probability that training skips a layer.
        qk_norm: normalise queries and keys per head.
        use_flash_attn, use_sdpa: upstream's choice of a kernel; results do not depend on it.
        gradient_checkpoint_layers: layers that training recomputes in the backward pass to save memory.
    """

    @typechecked
    def __init__(
        self,
        vocab_size: int,
        encoder_output_size: int,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        self_attention_dropout_rate: float = 0.0,
        src_attention_dropout_rate: float = 0.0,
        input_layer: str = "embed",
        use_output_layer: bool = True,
        pos_enc_class: type[Positions] = PositionalEncoding,
        normalize_before: bool = True,
        concat_after: bool = False,
        layer_drop_rate: float = 0.0,
        qk_norm: bool = False,
        use_flash_attn: bool = True,
        gradient_checkpoint_layers: list[int] = [],  # noqa: B006 - never changed; the default is part of the schema
        use_sdpa: bool = False,
    ):
        require_positive(num_blocks=num_blocks, linear_units=linear_units)
        super().__init__(
            vocab_size,
            encoder_output_size,
            dropout_rate,
            positional_dropout_rate,
            input_layer,
            use_output_layer,
            pos_enc_class,
            normalize_before,
            gradient_checkpoint_layers,
        )
        size = encoder_output_size

        def build(_: int) -> DecoderLayer:
            return DecoderLayer(
                size,
                MultiHeadedAttention(attention_heads, size, self_attention_dropout_rate, qk_norm),
                MultiHeadedAttention(attention_heads, size, src_attention_dropout_rate, qk_norm),
                PositionwiseFeedForward(size, linear_units, dropout_rate),
                dropout_rate,
                normalize_before,
                concat_after,
            )

        self.decoders = repeat(num_blocks, build, layer_drop_rate)
