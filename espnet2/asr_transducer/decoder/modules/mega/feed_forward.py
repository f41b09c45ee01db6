"""Feed-forward layer followed by a normalisation (Ma et al. 2022)."""

from __future__ import annotations

from torch import Tensor, nn


class NormalizedPositionwiseFeedForward(nn.Module):
    """Two linear layers around an activation, added to the input, and normalised.

    Args:
        size: D.
        hidden_size: between the layers.
        normalization: of D features.
        activation: between the layers.
        dropout_rate: dropout of either layer's output.
    """

    def __init__(
        self, size: int, hidden_size: int, normalization: nn.Module, activation: nn.Module, dropout_rate: float = 0.0
    ):
        super().__init__()
        self.linear1 = nn.Linear(size, hidden_size)
        self.linear2 = nn.Linear(hidden_size, size)
        self.normalization = normalization
        self.activation = activation
        self.dropout = nn.Dropout(dropout_rate)
        self.hidden_dropout = nn.Dropout(dropout_rate)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        hidden = self.hidden_dropout(self.activation(self.linear1(x)))
        return self.normalization(x + self.dropout(self.linear2(hidden)))
