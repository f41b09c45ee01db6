"""One linear layer over the pooled frames of an utterance."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, full_lengths, make_pad_mask, require_rates
from espnet2.asr.decoder.linear_decoder import POOLINGS
from espnet2.cls.decoder.abs_decoder import AbsDecoder


class LinearDecoder(AbsDecoder):
    """Linear classifier.

    Args:
        vocab_size: C, number of classes.
        encoder_output_size: D.
        pooling: `mean`, `max`, or `CLS`, the first frame.
        dropout: Of the pooled vector.

    Raises:
        ValueError: An option has a value that is not allowed.
    """

    @typechecked
    def __init__(self, vocab_size: int, encoder_output_size: int, pooling: str = "mean", dropout: float = 0.0):
        super().__init__()
        require_rates(dropout=dropout)
        self.pooling = choose("pooling", pooling, POOLINGS)
        self.dropout = nn.Dropout(dropout)
        self.linear_out = nn.Linear(encoder_output_size, vocab_size)

    def output_size(self) -> int:
        """See `AbsDecoder.output_size`."""
        return self.linear_out.out_features

    def forward(self, hs_pad: Tensor, hlens: Tensor) -> Tensor:
        """See `AbsDecoder.forward`."""
        padding = make_pad_mask(hlens, hs_pad.shape[1]).unsqueeze(-1)
        return self.linear_out(self.dropout(self.pooling(hs_pad, padding, hlens)))

    def score(self, ys: Any, state: Any, x: Tensor) -> tuple[Tensor, None]:
        """Scores (C,) of encoder output x (T, D), as the interface of scorers has them; `ys` and `state` do nothing."""
        return self(x[None], full_lengths(x[None])).squeeze(0), None
