"""Duration predictor (Ren et al. 2019, FastSpeech, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.fastspeech.predictor import TokenPredictor


class DurationPredictor(TokenPredictor):
    """Logarithms of the frames that tokens last.

    Args:
        idim: D.
        n_layers: number of convolutions.
        n_chans: their channels.
        kernel_size: tokens that a kernel spans, odd.
        dropout_rate: dropout after each convolution.
        offset: added to durations before the logarithm, so that 0 frames have one.
    """

    def __init__(
        self,
        idim: int,
        n_layers: int = 2,
        n_chans: int = 384,
        kernel_size: int = 3,
        dropout_rate: float = 0.1,
        offset: float = 1.0,
    ):
        super().__init__(idim, n_layers, n_chans, kernel_size, dropout_rate)
        self.offset = offset

    def forward(self, xs: Tensor, x_masks: Tensor | None = None) -> Tensor:
        """xs (B, U, D), x_masks (B, U) bool, True at padded tokens → logarithms (B, U)."""
        return self.predict(xs, None if x_masks is None else x_masks.unsqueeze(-1)).squeeze(-1)

    def inference(self, xs: Tensor, x_masks: Tensor | None = None) -> Tensor:
        """The same in frames: (B, U) int64, 0 at padded tokens."""
        frames = self.frames(self(xs, x_masks))
        return frames if x_masks is None else frames.masked_fill(x_masks, 0)

    def frames(self, logarithms: Tensor) -> Tensor:
        """Whole frames of logarithms, int64 of any shape."""
        return torch.round(logarithms.exp() - self.offset).clamp(min=0).long()


class DurationPredictorLoss(nn.Module):
    """Mean square error of logarithms of durations.

    Args:
        offset: as for `DurationPredictor`.
        reduction: "mean", "sum" or "none".
    """

    def __init__(self, offset: float = 1.0, reduction: str = "mean"):
        super().__init__()
        self.criterion = nn.MSELoss(reduction=reduction)
        self.offset = offset

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Logarithms and frames of the same shape → the loss."""
        return self.criterion(outputs, (targets.float() + self.offset).log())
