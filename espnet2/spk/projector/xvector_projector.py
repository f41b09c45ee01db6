"""Two linear layers, as x-vectors have them (Snyder et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet2.spk.projector.abs_projector import AbsProjector


class XvectorProjector(AbsProjector):
    """Linear layers from `input_size` to `output_size`, and from there to the same size, with an activation between."""

    @typechecked
    def __init__(self, input_size: int, output_size: int):
        super().__init__()
        self._output_size = output_size
        self.fc1 = nn.Linear(input_size, output_size)
        self.fc2 = nn.Linear(output_size, output_size)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """See `AbsProjector.forward`."""
        return self.fc2(self.act(self.fc1(x)))
