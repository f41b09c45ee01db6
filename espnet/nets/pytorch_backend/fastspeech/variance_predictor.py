"""Variance predictor (Ren et al. 2021, FastSpeech 2, section 2.3)."""

from __future__ import annotations

from torch import Tensor

from espnet.nets.pytorch_backend.fastspeech.predictor import TokenPredictor


class VariancePredictor(TokenPredictor):
    """Pitch or energy of tokens.

    Args:
        idim: D.
        n_layers: number of convolutions.
        n_chans: their channels.
        kernel_size: tokens that a kernel spans, odd.
        bias: whether convolutions have one.
        dropout_rate: dropout after each convolution.
    """

    def __init__(
        self,
        idim: int,
        n_layers: int = 2,
        n_chans: int = 384,
        kernel_size: int = 3,
        bias: bool = True,
        dropout_rate: float = 0.5,
    ):
        super().__init__(idim, n_layers, n_chans, kernel_size, dropout_rate, bias)

    def forward(self, xs: Tensor, x_masks: Tensor | None = None) -> Tensor:
        """xs (B, U, D), x_masks (B, U, 1) bool, True at padded tokens → (B, U, 1)."""
        return self.predict(xs, x_masks)
