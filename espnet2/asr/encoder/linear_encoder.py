"""Encoder without layers: input layer and normalisation, for features that another network has encoded."""

from __future__ import annotations

import functools

from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.embedding import NoPositionalEncoding, PositionalEncoding
from espnet.nets.pytorch_backend.transformer.repeat import MultiSequential
from espnet.nets.pytorch_backend.transformer.subsampling import INPUT_LAYERS, MakeInput, bare_input, linear_input
from espnet2.asr.encoder.stacked_encoder import StackedEncoder

CONVOLUTIONS = ("conv2d", "conv2d2", "conv2d6", "conv2d8")


class LinearEncoder(StackedEncoder):
    """Input layer and normalisation.

    Args:
        input_size: F, size of the features.
        output_size: D.
        dropout_rate: dropout of the input layer.
        input_layer: "conv2d", "conv2d2", "conv2d6" or "conv2d8", which add positions; "linear"; or None for a linear
            layer if the sizes differ and nothing otherwise.
        normalize_before: whether there is a normalisation at the end.
        padding_idx: without effect, since no input layer reads tokens.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        output_size: int = 256,
        dropout_rate: float = 0.1,
        input_layer: str | None = "conv2d",
        normalize_before: bool = True,
        padding_idx: int = -1,
    ):
        require_positive(output_size=output_size)
        require_rates(dropout_rate=dropout_rate)
        inputs: dict[str | None, MakeInput] = {
            **{name: INPUT_LAYERS[name] for name in CONVOLUTIONS},
            "linear": functools.partial(linear_input, relu=True),
            None: bare_input,
        }
        make_input = choose("input_layer", input_layer, inputs)
        adds_positions = input_layer in CONVOLUTIONS
        pos_enc = (PositionalEncoding if adds_positions else NoPositionalEncoding)(output_size, dropout_rate)
        super().__init__(
            input_size,
            output_size,
            make_input(input_size, output_size, dropout_rate, pos_enc),
            MultiSequential(),
            normalize_before,
            interctc_layer_idx=(),
            interctc_use_conditioning=False,
        )
