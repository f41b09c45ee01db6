"""One linear layer over the mean of the frames of an utterance."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask
from espnet2.asr.decoder.linear_decoder import pool_mean
from espnet2.asvspoof.decoder.abs_decoder import AbsDecoder


class LinearDecoder(AbsDecoder):
    """Linear layer from frames of size `encoder_output_size` to one score; upstream's class has no layer yet."""

    @typechecked
    def __init__(self, encoder_output_size: int):
        super().__init__()
        self.linear_out = nn.Linear(encoder_output_size, 1)

    def forward(self, input: Tensor, ilens: Tensor | None) -> Tensor:
        """See `AbsDecoder.forward`."""
        lengths = full_lengths(input) if ilens is None else ilens
        padding = make_pad_mask(lengths, input.shape[1]).unsqueeze(-1)
        return self.linear_out(pool_mean(input, padding, lengths))
