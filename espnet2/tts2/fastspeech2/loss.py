"""Losses of FastSpeech 2 over discrete units."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask
from espnet2.tts.fastspeech2.loss import VarianceLoss


class FastSpeech2LossDiscrete(nn.Module):
    """Cross entropy of units, and the losses of `VarianceLoss`.

    Args:
        use_masking, use_weighted_masking: see `MaskedLoss`.
        ignore_id: unit that has no loss.
    """

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False, ignore_id: int = -1):
        super().__init__()
        self.variance = VarianceLoss(use_masking, use_weighted_masking)
        self.ce_criterion = nn.CrossEntropyLoss(ignore_index=ignore_id, reduction=self.variance.reduction)

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
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None]:
        """The losses of units, durations, pitch and energy, and the accuracy of units.

        Args:
            after_outs, before_outs: scores (B, T, V), or (B, T, L, V) of L units of a frame, behind the postnet (None:
                there is none) and before it.
            d_outs: logarithms of durations (B, U).
            p_outs, e_outs: pitch and energy (B, U, 1).
            ys, ds, ps, es: units (B, T) or (B, T, L), durations (B, U), pitch and energy (B, U, 1) to be predicted.
            ilens, olens: tokens and frames (B,).

        Returns:
            Four losses; the share of units that are right before the postnet and behind it.
        """
        frames = make_non_pad_mask(olens, ys.shape[1])
        outputs = [before_outs] if after_outs is None else [before_outs, after_outs]
        units = torch.stack([self._entropy(scores, ys, frames) for scores in outputs]).sum()
        before, *after = (self._accuracy(scores, ys, frames) for scores in outputs)
        variances = self.variance(d_outs, ds, p_outs, ps, e_outs, es, ilens)
        return units, *variances, before, after[0] if after else None

    def _entropy(self, scores: Tensor, ys: Tensor, frames: Tensor) -> Tensor:
        if self.variance.use_masking:
            scores, ys = scores[frames], ys[frames]
        losses = self.ce_criterion(scores.flatten(0, -2), ys.flatten())
        if not self.variance.use_weighted_masking:
            return losses
        weights = frames / frames.sum(dim=1, keepdim=True) / len(frames)
        return (losses.view(*frames.shape, -1).mean(dim=-1) * weights).sum()

    def _accuracy(self, scores: Tensor, ys: Tensor, frames: Tensor) -> Tensor:
        right = (scores.argmax(dim=-1) == ys).float()
        return (right[frames] if self.variance.use_masking else right).mean()
