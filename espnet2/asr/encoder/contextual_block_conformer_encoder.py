"""Contextual block Conformer encoder (Tsunoo et al. 2021)."""

from __future__ import annotations

from typeguard import typechecked

from espnet.nets.pytorch_backend.conformer.contextual_block_encoder_layer import ContextualBlockEncoderLayer
from espnet.nets.pytorch_backend.conformer.convolution import ConvolutionModule
from espnet.nets.pytorch_backend.nets_utils import choose, get_activation, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet.nets.pytorch_backend.transformer.embedding import NoPositionalEncoding, Positions, StreamPositionalEncoding
from espnet.nets.pytorch_backend.transformer.encoder import feed_forward_maker
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet2.asr.encoder.contextual_block_encoder import ContextualBlockEncoder, input_layers


class ContextualBlockConformerEncoder(ContextualBlockEncoder):
    """Conformer encoder over blocks.

    Args:
        input_size: F, size of the features.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "conv2d", "conv2d6", "conv2d8", "linear", "embed", or None for features that have size D already,
            to which the positional encoding is then applied twice, as in upstream.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        macaron_style: feed-forward networks at both ends of a layer.
        pos_enc_class: positional encoding.
        selfattention_layer_type: without effect, as in upstream: attention has no relative positions.
        activation_type: of the convolution module, a name in `nets_utils.ACTIVATIONS`; feed-forward networks have ReLU.
        use_cnn_module: whether layers have a convolution module.
        cnn_module_kernel: kernel size of the convolution module, odd.
        padding_idx: token whose embedding is zero and not trained, for the input layer "embed".
        block_size, hop_size, look_ahead, init_average, ctx_pos_enc: see `ContextualBlockEncoder`.
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
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 3,
        macaron_style: bool = False,
        pos_enc_class: type[Positions] = StreamPositionalEncoding,
        selfattention_layer_type: str = "rel_selfattn",
        activation_type: str = "swish",
        use_cnn_module: bool = True,
        cnn_module_kernel: int = 31,
        padding_idx: int = -1,
        block_size: int = 40,
        hop_size: int = 16,
        look_ahead: int = 16,
        init_average: bool = True,
        ctx_pos_enc: bool = True,
    ):
        require_positive(output_size=output_size, num_blocks=num_blocks, linear_units=linear_units)
        require_rates(dropout_rate=dropout_rate, positional_dropout_rate=positional_dropout_rate)
        activation = get_activation(activation_type)
        feed_forward = feed_forward_maker(
            positionwise_layer_type, output_size, linear_units, positionwise_conv_kernel_size, dropout_rate
        )
        pos_enc = pos_enc_class(output_size, positional_dropout_rate)
        in_input_layer = pos_enc if input_layer is None else NoPositionalEncoding(output_size, 0.0)
        make_input = choose("input_layer", input_layer, input_layers(padding_idx))
        super().__init__(
            input_size,
            output_size,
            make_input(input_size, output_size, dropout_rate, in_input_layer),
            pos_enc,
            repeat(
                num_blocks,
                lambda _: ContextualBlockEncoderLayer(
                    output_size,
                    MultiHeadedAttention(attention_heads, output_size, attention_dropout_rate),
                    feed_forward(),
                    feed_forward() if macaron_style else None,
                    ConvolutionModule(output_size, cnn_module_kernel, activation) if use_cnn_module else None,
                    dropout_rate,
                    normalize_before,
                    concat_after,
                ),
            ),
            normalize_before,
            block_size,
            hop_size,
            look_ahead,
            init_average,
            ctx_pos_enc,
        )
        self.input_layer_reads_tokens = input_layer == "embed"
