"""The Conformer's stack of encoder layers over tokens or frames, none of which are left out (Gulati et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable

from espnet.nets.pytorch_backend.conformer.convolution import ConvolutionModule
from espnet.nets.pytorch_backend.conformer.encoder_layer import EncoderLayer
from espnet.nets.pytorch_backend.nets_utils import choose, get_activation
from espnet.nets.pytorch_backend.transformer.attention_choice import attention_makers, resolve_positions
from espnet.nets.pytorch_backend.transformer.embedding import POSITIONAL_ENCODINGS
from espnet.nets.pytorch_backend.transformer.encoder import EncoderStack, feed_forward_maker
from espnet.nets.pytorch_backend.transformer.repeat import repeat
from espnet.nets.pytorch_backend.transformer.subsampling import FrameInput, positions_input, token_input


class Encoder(EncoderStack):
    """Conformer encoder over tokens or hidden vectors.

    Args:
        idim: number of tokens, or D.
        attention_dim: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "embed" or None.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        macaron_style: feed-forward networks at both ends of a layer.
        pos_enc_layer_type: a name in `POSITIONAL_ENCODINGS`.
        selfattention_layer_type: "selfattn", "rel_selfattn" or "legacy_rel_selfattn".
        activation_type: a name in `nets_utils.ACTIVATIONS`.
        use_cnn_module: whether layers have a convolution module.
        zero_triu: no relative-position scores above the diagonal; "rel_selfattn" only.
        cnn_module_kernel: kernel size of the convolution module, odd.
        padding_idx: token whose embedding is zero and not trained.
        rel_pos_type: "legacy" reads "rel_pos" and "rel_selfattn" as models before 2021 meant them; or "latest".

    Raises:
        ValueError: an unknown name, or positions and attention that do not go together.
    """

    def __init__(
        self,
        idim: int,
        attention_dim: int = 256,
        attention_heads: int = 4,
        linear_units: int = 2048,
        num_blocks: int = 6,
        dropout_rate: float = 0.1,
        positional_dropout_rate: float = 0.1,
        attention_dropout_rate: float = 0.0,
        input_layer: str | None = "embed",
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 1,
        macaron_style: bool = False,
        pos_enc_layer_type: str = "abs_pos",
        selfattention_layer_type: str = "selfattn",
        activation_type: str = "swish",
        use_cnn_module: bool = False,
        zero_triu: bool = False,
        cnn_module_kernel: int = 31,
        padding_idx: int = -1,
        rel_pos_type: str = "latest",
    ):
        positions, attention = resolve_positions(rel_pos_type, pos_enc_layer_type, selfattention_layer_type)
        attentions = attention_makers(attention_heads, attention_dim, attention_dropout_rate, zero_triu)
        activation = get_activation(activation_type)
        feed_forward = feed_forward_maker(
            positionwise_layer_type,
            attention_dim,
            linear_units,
            positionwise_conv_kernel_size,
            dropout_rate,
            activation,
        )
        pos_enc = POSITIONAL_ENCODINGS[positions](attention_dim, positional_dropout_rate)
        inputs: dict[str | None, Callable[[], FrameInput]] = {
            "embed": lambda: token_input(idim, attention_dim, dropout_rate, pos_enc, padding_idx),
            None: lambda: positions_input(idim, attention_dim, dropout_rate, pos_enc),
        }
        layers = repeat(
            num_blocks,
            lambda _: EncoderLayer(
                attention_dim,
                attentions[attention](),
                feed_forward(),
                feed_forward() if macaron_style else None,
                ConvolutionModule(attention_dim, cnn_module_kernel, activation) if use_cnn_module else None,
                dropout_rate,
                normalize_before,
                concat_after,
            ),
        )
        super().__init__(attention_dim, choose("input_layer", input_layer, inputs)(), layers, normalize_before)
