"""Losses of FastSpeech 2 (Ren et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictorLoss
from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet2.tts.fastspeech.loss import MaskedLoss


class VarianceLoss(MaskedLoss):
    """Square error of logarithms of durations, of pitch and of energy; the options are those of `MaskedLoss`."""

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False):
        super().__init__(use_masking, use_weighted_masking)
        self.mse_criterion = nn.MSELoss(reduction=self.reduction)
        self.duration_criterion = DurationPredictorLoss(reduction=self.reduction)

    def forward(
        self, d_outs: Tensor, ds: Tensor, p_outs: Tensor, ps: Tensor, e_outs: Tensor, es: Tensor, ilens: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The losses of durations, pitch and energy.

        Args:
            d_outs, ds: predicted logarithms of durations, and durations, (B, U).
            p_outs, ps, e_outs, es: predicted and real pitch and energy (B, U, 1).
            ilens: tokens (B,).
        """
        tokens = make_non_pad_mask(ilens, ds.shape[1])
        return (
            self.loss(self.duration_criterion, d_outs, ds, tokens),
            self.loss(self.mse_criterion, p_outs, ps, tokens),
            self.loss(self.mse_criterion, e_outs, es, tokens),
        )


class FastSpeech2Loss(nn.Module):
    """Absolute error of features, and the losses of `VarianceLoss`; the options are those of `MaskedLoss`."""

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False):
        super().__init__()
        self.variance = VarianceLoss(use_masking, use_weighted_masking)
        self.l1_criterion = nn.L1Loss(reduction=self.variance.reduction)

    def forward(
        self,
        after_outs: Tensor | None,
        before_outs: Tensor,
        d_outs: Tensor,
        p_outs: Tensor,
        e_outs: Tensor,
        ys: Tensor,
        ds: Tensor,
        ps: Tensor,
        es: Tensor,
        ilens: Tensor,
        olens: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The losses of features, durations, pitch and energy.

        Args:
            after_outs, before_outs: features (B, T, F) behind the postnet (None: there is none) and before it.
            d_outs: logarithms of durations (B, U).
            p_outs, e_outs: pitch and energy (B, U, 1).
            ys, ds, ps, es: features (B, T, F), durations (B, U), pitch and energy (B, U, 1) to be predicted.
            ilens, olens: tokens and frames (B,).
        """
        frames = make_non_pad_mask(olens, ys.shape[1])
        outputs = [before_outs] if after_outs is None else [before_outs, after_outs]
        features = [self.variance.loss(self.l1_criterion, found, ys, frames) for found in outputs]
        return torch.stack(features).sum(), *self.variance(d_outs, ds, p_outs, ps, e_outs, es, ilens)
