"""Normalisation and a linear layer, as RawNet3 and ECAPA-TDNN have them."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet2.spk.projector.abs_projector import AbsProjector


class RawNet3Projector(AbsProjector):
    """Normalisation of vectors of size `input_size`, and a linear layer to `output_size`."""

    @typechecked
    def __init__(self, input_size: int, output_size: int = 192):
        super().__init__()
        self._output_size = output_size
        self.bn = nn.BatchNorm1d(input_size)
        self.fc = nn.Linear(input_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        """See `AbsProjector.forward`."""
        return self.fc(self.bn(x))
