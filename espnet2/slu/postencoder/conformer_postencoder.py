"""Post-encoder and deliberation encoder of Conformer layers (Gulati et al. 2020)."""

from __future__ import annotations

from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.slu.postencoder.stacked_postencoder import StackedPostEncoder

POSITIONS = {"linear": None}  # the only input layer, which adds positions and nothing else, by the encoder's name of it


class ConformerPostEncoder(StackedPostEncoder, ConformerEncoder):  # type: ignore[misc]
    """Positions, then Conformer layers.

    Args:
        input_size: size of the encoder output, which is D.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "linear", which has no linear layer.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        macaron_style: feed-forward networks at both ends of a layer.
        rel_pos_type: "legacy" gives "rel_pos" and "rel_selfattn" their meaning before 2021; or "latest".
        pos_enc_layer_type: "abs_pos", "scaled_abs_pos", "rel_pos" or "legacy_rel_pos".
        selfattention_layer_type: "selfattn", "rel_selfattn" or "legacy_rel_selfattn".
        activation_type: a name in `nets_utils.ACTIVATIONS`.
        use_cnn_module: whether layers have a convolution module.
        zero_triu: no relative-position scores above the diagonal; "rel_selfattn" of the latest type only.
        cnn_module_kernel: kernel size of the convolution module, odd.
        padding_idx: without effect.
        use_sdpa: upstream's choice of a kernel; results do not depend on it.

    Raises:
        ValueError: an option has an invalid value, or `input_size` is not `output_size`.
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
        input_layer: str = "linear",
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
        cnn_module_kernel: int = 31,
        padding_idx: int = -1,
        use_sdpa: bool = False,
    ):
        if input_size != output_size:
            raise ValueError(f"output_size: expected {input_size}, the size of the input, found {output_size}")
        ConformerEncoder.__init__(
            self,
            input_size,
            output_size=output_size,
            attention_heads=attention_heads,
            linear_units=linear_units,
            num_blocks=num_blocks,
            dropout_rate=dropout_rate,
            positional_dropout_rate=positional_dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            input_layer=choose("input_layer", input_layer, POSITIONS),
            normalize_before=normalize_before,
            concat_after=concat_after,
            positionwise_layer_type=positionwise_layer_type,
            positionwise_conv_kernel_size=positionwise_conv_kernel_size,
            macaron_style=macaron_style,
            rel_pos_type=rel_pos_type,
            pos_enc_layer_type=pos_enc_layer_type,
            selfattention_layer_type=selfattention_layer_type,
            activation_type=activation_type,
            use_cnn_module=use_cnn_module,
            zero_triu=zero_triu,
            cnn_module_kernel=cnn_module_kernel,
        )
