"""Stack of convolutions that predicts numbers for each token (Ren et al. 2019, FastSpeech, section 3.3)."""

from __future__ import annotations

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_rates
from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding
from espnet.nets.pytorch_backend.transformer.positionwise_feed_forward import hide_padding


class TokenPredictor(nn.Module):
    """Convolutions over tokens, each with ReLU, layer normalisation and dropout, then a linear layer.

    Args:
        idim: D.
        n_layers: number of convolutions.
        n_chans: their channels.
        kernel_size: tokens that a kernel spans, odd.
        dropout_rate: dropout after each convolution.
        bias: whether convolutions have one.
    """

    def __init__(
        self, idim: int, n_layers: int, n_chans: int, kernel_size: int, dropout_rate: float, bias: bool = True
    ):
        super().__init__()
        require_rates(dropout_rate=dropout_rate)
        padding = same_padding(kernel_size)
        self.conv = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(n_chans if index else idim, n_chans, kernel_size, padding=padding, bias=bias),
                nn.ReLU(),
                LayerNorm(n_chans, dim=1),
                nn.Dropout(dropout_rate),
            )
            for index in range(n_layers)
        )
        self.linear = nn.Linear(n_chans if n_layers else idim, 1)

    def predict(self, xs: Tensor, padding: Tensor | None = None) -> Tensor:
        """xs (B, U, D), padding (B, U, 1) bool, True at padded tokens → (B, U, 1), zeros at these."""
        for layer in self.conv:
            xs = layer(hide_padding(xs, padding).transpose(1, 2)).transpose(1, 2)
        return hide_padding(self.linear(xs), padding)
