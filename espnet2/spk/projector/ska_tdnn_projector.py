"""A linear layer between two normalisations, as SKA-TDNN has it."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet2.spk.projector.abs_projector import AbsProjector


class SkaTdnnProjector(AbsProjector):
    """A linear layer from `input_size` to `output_size`, with normalisation before and after."""

    @typechecked
    def __init__(self, input_size: int, output_size: int):
        super().__init__()
        self._output_size = output_size
        self.bn = nn.BatchNorm1d(input_size)
        self.fc = nn.Linear(input_size, output_size)
        self.bn2 = nn.BatchNorm1d(output_size)

    def forward(self, x: Tensor) -> Tensor:
        """See `AbsProjector.forward`."""
        return self.bn2(self.fc(self.bn(x)))
