"""Losses of FastSpeech (Ren et al. 2019), and how losses leave padding out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.fastspeech.duration_predictor import DurationPredictorLoss
from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, make_non_pad_mask


class MaskedLoss(nn.Module):
    """Base of losses over padded batches.

    Args:
        use_masking: leave padding out.
        use_weighted_masking: weigh every text of a batch alike, whatever its length.

    Raises:
        ValueError: both of them.
    """

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False):
        super().__init__()
        if use_masking and use_weighted_masking:
            raise UnfitOptionError("use_masking, use_weighted_masking: expected at most one of them, found both")
        self.use_masking = use_masking
        self.use_weighted_masking = use_weighted_masking
        self.reduction = "none" if use_weighted_masking else "mean"

    def loss(self, criterion: nn.Module, found: Tensor, expected: Tensor, mask: Tensor) -> Tensor:
        """One loss over values (B, T) or (B, T, C) and mask (B, T), True at real ones."""
        if self.use_masking:
            return criterion(found[mask], expected[mask])
        if not self.use_weighted_masking:
            return criterion(found, expected)
        weights = mask.float() / mask.sum(dim=1, keepdim=True).float() / len(mask)
        losses = criterion(found, expected)
        channels = losses.shape[2] if losses.dim() == 3 else 1
        return (losses.reshape(*mask.shape, channels) * weights.unsqueeze(-1) / channels).sum()


class FastSpeechLoss(MaskedLoss):
    """Absolute error of features, square error of logarithms of durations; the options are those of `MaskedLoss`."""

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False):
        super().__init__(use_masking, use_weighted_masking)
        self.l1_criterion = nn.L1Loss(reduction=self.reduction)
        self.duration_criterion = DurationPredictorLoss(reduction=self.reduction)

    def forward(
        self,
        after_outs: Tensor | None,
        before_outs: Tensor,
        d_outs: Tensor,
        ys: Tensor,
        ds: Tensor,
        ilens: Tensor,
        olens: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The losses of features and durations.

        Args:
            after_outs, before_outs: features (B, T, F) behind the postnet (None: there is none) and before it.
            d_outs: logarithms of durations (B, U).
            ys, ds: features (B, T, F) and durations (B, U) to be predicted.
            ilens, olens: tokens and frames (B,).
        """
        tokens, frames = make_non_pad_mask(ilens, ds.shape[1]), make_non_pad_mask(olens, ys.shape[1])
        outputs = [before_outs] if after_outs is None else [before_outs, after_outs]
        features = [self.loss(self.l1_criterion, found, ys, frames) for found in outputs]
        return torch.stack(features).sum(), self.loss(self.duration_criterion, d_outs, ds, tokens)
