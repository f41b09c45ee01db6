"""Linear layer between features and encoder."""

from __future__ import annotations

from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet2.asr.preencoder.abs_preencoder import AbsPreEncoder


class LinearProjection(AbsPreEncoder):
    """Linear layer from size `input_size` to `output_size`, with dropout; raises `ValueError` for sizes below 1."""

    @typechecked
    def __init__(self, input_size: int, output_size: int, dropout: float = 0.0):
        super().__init__()
        require_positive(input_size=input_size, output_size=output_size)
        require_rates(dropout=dropout)
        self.reads = ("frames", input_size)
        self.linear_out = nn.Linear(input_size, output_size)
        self.dropout = nn.Dropout(dropout)

    def output_size(self) -> int:
        """D."""
        return self.linear_out.out_features

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,) to (B, T, D) and lengths (B,)."""
        return self.linear_out(self.dropout(input)), input_lengths
