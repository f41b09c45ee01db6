"""Feed-forward networks whose layers are convolutions over time (Ren et al. 2019, FastSpeech, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import by_rows
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding


def same_padding(kernel_size: int) -> int:
    """Padding at both ends that keeps the number of frames; raises `ValueError` for an even kernel."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"expected an odd kernel size, found {kernel_size}")
    return kernel_size // 2


class MultiLayeredConv1d(nn.Module):
    """Two convolutions with ReLU between them.

    Args:
        in_chans: D, size of input and output.
        hidden_chans: size between the two.
        kernel_size: frames that a kernel spans, odd.
        dropout_rate: dropout after ReLU.
    """

    def __init__(self, in_chans: int, hidden_chans: int, kernel_size: int, dropout_rate: float):
        super().__init__()
        padding = same_padding(kernel_size)
        self.w_1 = nn.Conv1d(in_chans, hidden_chans, kernel_size, padding=padding)
        self.w_2 = nn.Conv1d(hidden_chans, in_chans, kernel_size, padding=padding)
        self.dropout = nn.Dropout(dropout_rate)

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        """x (B, T, D), padding (B, T, 1) bool, True at padded frames → (B, T, D)."""
        hidden = torch.relu(self.w_1(hide_padding(x, padding).transpose(1, 2))).transpose(1, 2)
        return self.w_2(hide_padding(self.dropout(hidden), padding).transpose(1, 2)).transpose(1, 2)


class Conv1dLinear(nn.Module):
    """A convolution, ReLU and a linear layer.

    Args:
        in_chans: D, size of input and output.
        hidden_chans: size between the two.
        kernel_size: frames that the kernel spans, odd.
        dropout_rate: dropout after ReLU.
    """

    def __init__(self, in_chans: int, hidden_chans: int, kernel_size: int, dropout_rate: float):
        super().__init__()
        self.w_1 = nn.Conv1d(in_chans, hidden_chans, kernel_size, padding=same_padding(kernel_size))
        self.w_2 = nn.Linear(hidden_chans, in_chans)
        self.dropout = nn.Dropout(dropout_rate)

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        """x (B, T, D), padding (B, T, 1) bool, True at padded frames → (B, T, D)."""
        hidden = torch.relu(self.w_1(hide_padding(x, padding).transpose(1, 2))).transpose(1, 2)
        return by_rows(self.w_2, self.dropout(hidden))
