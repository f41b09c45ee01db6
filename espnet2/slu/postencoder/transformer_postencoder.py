"""Post-encoder and deliberation encoder of Transformer layers (Vaswani et al. 2017, section 3.1)."""

from __future__ import annotations

from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose
from espnet.nets.pytorch_backend.transformer.embedding import PositionalEncoding, Positions
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from espnet2.slu.postencoder.stacked_postencoder import StackedPostEncoder

LINEAR = {"linear": "linear"}  # the only input layer


class TransformerPostEncoder(StackedPostEncoder, TransformerEncoder):  # type: ignore[misc]
    """Linear layer, normalisation, ReLU and positions, then Transformer layers.

    Args:
        input_size: F, size of the encoder output.
        output_size: D.
        attention_heads: H.
        linear_units: size between the feed-forward layers.
        num_blocks: number of layers.
        dropout_rate: dropout of the branches and of the input layer.
        positional_dropout_rate: dropout of the positional encoding.
        attention_dropout_rate: dropout of the attention weights.
        input_layer: "linear".
        pos_enc_class: positional encoding.
        normalize_before: normalise before (True) or after (False) each branch.
        concat_after: combine attention's input and output by a linear layer.
        positionwise_layer_type: "linear", "conv1d" or "conv1d-linear".
        positionwise_conv_kernel_size: kernel of the latter two.
        padding_idx: without effect.
        use_sdpa: upstream's choice of a kernel; results do not depend on it.

    Raises:
        ValueError: an option has an invalid value.
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
        input_layer: str | None = "linear",
        pos_enc_class: type[Positions] = PositionalEncoding,
        normalize_before: bool = True,
        concat_after: bool = False,
        positionwise_layer_type: str = "linear",
        positionwise_conv_kernel_size: int = 1,
        padding_idx: int = -1,
        use_sdpa: bool = False,
    ):
        TransformerEncoder.__init__(
            self,
            input_size,
            output_size=output_size,
            attention_heads=attention_heads,
            linear_units=linear_units,
            num_blocks=num_blocks,
            dropout_rate=dropout_rate,
            positional_dropout_rate=positional_dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            input_layer=choose("input_layer", str(input_layer), LINEAR),
            pos_enc_class=pos_enc_class,
            normalize_before=normalize_before,
            concat_after=concat_after,
            positionwise_layer_type=positionwise_layer_type,
            positionwise_conv_kernel_size=positionwise_conv_kernel_size,
        )
