"""Position-wise feed-forward network (Vaswani et al. 2017, section 3.3)."""

from __future__ import annotations

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import by_rows


class PositionwiseFeedForward(nn.Module):
    """Two linear layers with an activation between them.

    Args:
        idim: D, size of input and output.
        hidden_units: size between the two layers.
        dropout_rate: dropout after the activation.
        activation: applied between the layers.
    """

    def __init__(self, idim: int, hidden_units: int, dropout_rate: float, activation: nn.Module | None = None):
        super().__init__()
        self.w_1 = nn.Linear(idim, hidden_units)
        self.w_2 = nn.Linear(hidden_units, idim)
        self.dropout = nn.Dropout(dropout_rate)
        self.activation = activation or nn.ReLU()

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        """x (B, T, D) → (B, T, D); only the variants with convolutions read `padding`."""
        return by_rows(lambda rows: self.w_2(self.dropout(self.activation(self.w_1(rows)))), x)


def hide_padding(x: Tensor, padding: Tensor | None) -> Tensor:
    """Set the padded frames of x (B, T, C) to zero before a convolution over time.

    Args:
        padding: (B, T, 1) bool, True at padded frames; None where there are none.
    """
    return x if padding is None else x.masked_fill(padding, 0.0)
