"""An encoder that passes features on, for front ends that are networks of their own."""

from __future__ import annotations

from torch import Tensor
from typeguard import typechecked

from espnet2.interface.spec import Length
from espnet2.spk.encoder.abs_encoder import AbsSpeakerEncoder


class IdentityEncoder(AbsSpeakerEncoder):
    """The features themselves, of size `input_size`."""

    @typechecked
    def __init__(self, input_size: int):
        super().__init__()
        self.input_size = self._output_size = input_size
        self.length = Length()

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """See `AbsSpeakerEncoder.forward`; T' is T."""
        return x.transpose(1, 2)
