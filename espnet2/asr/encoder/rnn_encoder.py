"""Recurrent encoder: LSTM or GRU layers, with projections and subsampling or without."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, make_pad_mask, require_positive, require_rates
from espnet.nets.pytorch_backend.rnn.encoders import CELLS, RNN, RNNP, VGG2L
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.interface.spec import Length


class RecurrentEncoder(AbsEncoder):
    """Sequence of modules of `espnet.nets.pytorch_backend.rnn.encoders`.

    Args:
        input_size: F.
        output_size: D.
        modules: the modules.
    """

    def __init__(self, input_size: int, output_size: int, modules: Sequence[RNN | RNNP | VGG2L]):
        super().__init__()
        self.input_size = input_size
        self._output_size = output_size
        self.enc = nn.ModuleList(modules)
        self.length = functools.reduce(Length.then, (module.length for module in modules))

    def forward(self, xs_pad: Tensor, ilens: Tensor, prev_states: Any = None) -> tuple[Tensor, Tensor, list[Any]]:
        """Encode a padded batch; padding does not change an utterance's result.

        Args:
            xs_pad: (B, T, F) features.
            ilens: (B,) int64 lengths.
            prev_states: states returned by the previous call, from which the forward direction starts.

        Returns:
            (B, T', D), zeros beyond each utterance, lengths (B,), and the state of each module.

        Raises:
            TooShortUttError: an utterance is too short for subsampling.
        """
        self.check_length(xs_pad)
        states = []
        for module, previous in zip(self.enc, prev_states or [None] * len(self.enc), strict=True):
            xs_pad, ilens, state = module(xs_pad, ilens, prev_state=previous)
            states.append(state)
        return xs_pad.masked_fill(make_pad_mask(ilens, xs_pad.shape[1])[:, :, None], 0.0), ilens, states


def recurrent_layers(
    input_size: int,
    rnn_type: str,
    bidirectional: bool,
    use_projection: bool,
    num_layers: int,
    hidden_size: int,
    output_size: int,
    dropout: float,
    subsample: Sequence[int],
) -> RNN | RNNP:
    """Make the recurrent layers of an encoder from its options; raises `ValueError` for invalid ones."""
    choose("rnn_type", rnn_type, CELLS)
    require_positive(num_layers=num_layers, hidden_size=hidden_size, output_size=output_size)
    require_positive(subsample=min(subsample, default=1))
    require_rates(dropout=dropout)
    typ = ("b" if bidirectional else "") + rnn_type
    if use_projection:
        return RNNP(input_size, num_layers, hidden_size, output_size, subsample, dropout, typ)
    return RNN(input_size, num_layers, hidden_size, output_size, dropout, typ)


class RNNEncoder(RecurrentEncoder):
    """Encoder of recurrent layers.

    Args:
        input_size: F.
        rnn_type: `lstm` or `gru`.
        bidirectional: run each layer in both directions.
        use_projection: follow each layer with a linear layer, and with subsampling.
        num_layers: number of layers.
        hidden_size: S, size of a layer in each direction.
        output_size: D.
        dropout: dropout between layers without projections.
        subsample: with projections, layer i keeps one of every `subsample[i]` frames; layers that it does not name,
            and all where it is null, keep every frame.

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
        subsample: Sequence[int] | None = (2, 2, 1, 1),
    ):
        strides = (*(subsample or ()), *[1] * num_layers)
        layers = recurrent_layers(
            input_size,
            rnn_type,
            bidirectional,
            use_projection,
            num_layers,
            hidden_size,
            output_size,
            dropout,
            strides,
        )
        super().__init__(input_size, output_size, [layers])
