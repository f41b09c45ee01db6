"""Convolutions of a VGG network, then recurrent layers (Hori et al. 2017)."""

from __future__ import annotations

from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet.nets.pytorch_backend.rnn.encoders import VGG2L
from espnet2.asr.encoder.rnn_encoder import RecurrentEncoder, recurrent_layers


class VGGRNNEncoder(RecurrentEncoder):
    """Convolutions that reduce the frames to a quarter, then recurrent layers.

    Args:
        input_size: F.
        rnn_type: `lstm` or `gru`.
        bidirectional: run each layer in both directions.
        use_projection: follow each layer with a linear layer.
        num_layers: number of recurrent layers.
        hidden_size: S, size of a layer in each direction.
        output_size: D.
        dropout: dropout between layers without projections.
        in_channel: channels that the features consist of, one behind the other.

    Raises:
        ValueError: an unknown `rnn_type`, or a number out of range.
    """

    @typechecked
    def __init__(
        self,
        input_size: int,
        rnn_type: str = "lstm",
        bidirectional: bool = True,
        use_projection: bool = True,
        num_layers: int = 4,
        hidden_size: int = 320,
        output_size: int = 320,
        dropout: float = 0.0,
        in_channel: int = 1,
    ):
        require_positive(in_channel=in_channel)
        convolutions = VGG2L(input_size, in_channel)
        layers = recurrent_layers(
            convolutions.odim,
            rnn_type,
            bidirectional,
            use_projection,
            num_layers,
            hidden_size,
            output_size,
            dropout,
            [1] * num_layers,
        )
        super().__init__(input_size, output_size, [convolutions, layers])
