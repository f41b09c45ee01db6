"""Losses of Tacotron 2."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, make_non_pad_mask


class GuidedAttentionLoss(nn.Module):
    """Loss of attention far from the diagonal (Tachibana et al. 2018, section 4).

    Args:
        sigma: distance from the diagonal, as a share of a text, that is tolerated.
        alpha: factor of the loss.
        reset_always: without effect: masks are made for each batch.
    """

    def __init__(self, sigma: float = 0.4, alpha: float = 1.0, reset_always: bool = True):
        super().__init__()
        self.sigma, self.alpha = sigma, alpha

    def forward(self, att_ws: Tensor, ilens: Tensor, olens: Tensor) -> Tensor:
        """Attention weights (B, T, U), tokens (B,) and steps (B,) → the loss."""
        steps, tokens = (_places(lengths, size) for lengths, size in zip((olens, ilens), att_ws.shape[1:], strict=True))
        far = 1 - torch.exp(-((steps.unsqueeze(2) - tokens.unsqueeze(1)) ** 2) / (2 * self.sigma**2))
        real = (
            make_non_pad_mask(olens, att_ws.shape[1]).unsqueeze(2) & make_non_pad_mask(ilens, att_ws.shape[2])[:, None]
        )
        return self.alpha * (far * att_ws)[real].mean()


def _places(lengths: Tensor, size: int) -> Tensor:
    """Places (B, size), as shares of the lengths (B,)."""
    return torch.arange(size, device=lengths.device) / lengths.unsqueeze(1)


class Tacotron2Loss(nn.Module):
    """Absolute and square error of features before and behind the postnet, and cross entropy of the end.

    Args:
        use_masking: leave padding out.
        use_weighted_masking: weigh every text of a batch alike, whatever its length.
        bce_pos_weight: weight of the frames where speech ends.

    Raises:
        ValueError: both ways of masking.
    """

    def __init__(self, use_masking: bool = True, use_weighted_masking: bool = False, bce_pos_weight: float = 20.0):
        super().__init__()
        if use_masking and use_weighted_masking:
            raise UnfitOptionError("use_masking, use_weighted_masking: expected at most one of them, found both")
        self.use_masking = use_masking
        self.use_weighted_masking = use_weighted_masking
        reduction = "none" if use_weighted_masking else "mean"
        self.l1_criterion = nn.L1Loss(reduction=reduction)
        self.mse_criterion = nn.MSELoss(reduction=reduction)
        self.bce_criterion = nn.BCEWithLogitsLoss(reduction=reduction, pos_weight=torch.tensor(bce_pos_weight))
        self.register_load_state_dict_pre_hook(_with_weight)

    def forward(
        self, after_outs: Tensor, before_outs: Tensor, logits: Tensor, ys: Tensor, labels: Tensor, olens: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The losses.

        Args:
            after_outs, before_outs, ys: features (B, T, F) behind the postnet, before it, and as they should be.
            logits, labels: scores of the end (B, T), and 1 where speech ends or has ended.
            olens: (B,) frames.

        Returns:
            Absolute error, square error, cross entropy.
        """
        mask = make_non_pad_mask(olens, ys.shape[1])
        outputs = before_outs, after_outs
        l1, mse = (
            torch.stack([self._loss(criterion, found, ys, mask) for found in outputs]).sum()
            for criterion in (self.l1_criterion, self.mse_criterion)
        )
        return l1, mse, self._loss(self.bce_criterion, logits, labels, mask)

    def _loss(self, criterion: nn.Module, found: Tensor, expected: Tensor, mask: Tensor) -> Tensor:
        """One loss over values (B, T) or (B, T, F) and mask (B, T), True at real frames."""
        if self.use_masking:
            return criterion(found[mask], expected[mask])
        losses = criterion(found, expected)
        if not self.use_weighted_masking:
            return losses
        weights = mask.float() / mask.sum(dim=1, keepdim=True) / len(mask)
        return (losses.flatten(2).mean(dim=2) * weights if losses.dim() == 3 else losses * weights).sum()


def _with_weight(module: Any, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
    """Add the weight of the end, which checkpoints of old releases lack."""
    key = prefix + "bce_criterion.pos_weight"
    state_dict.setdefault(key, module.bce_criterion.pos_weight)
