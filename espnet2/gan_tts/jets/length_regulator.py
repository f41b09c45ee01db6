"""Gaussian upsampling (Donahue et al. 2021, End-to-End Adversarial Text-to-Speech, section 2.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class GaussianUpsampling(nn.Module):
    """Frames as means of tokens, weighted by the distance of the frame from the middle of each token.

    Args:
        delta: factor of square distances in frames.
    """

    def __init__(self, delta: float = 0.1):
        super().__init__()
        self.delta = delta

    def forward(self, hs: Tensor, ds: Tensor, h_masks: Tensor | None = None, d_masks: Tensor | None = None) -> Tensor:
        """Upsample.

        Args:
            hs: (B, U, D) vectors of tokens.
            ds: (B, U) their durations in frames; a batch without any frame has one for each token.
            h_masks: (B, T) bool, True at real frames; None: as many frames as the whole batch has.
            d_masks: (B, U) bool, True at real tokens; None: all are.

        Returns:
            (B, T, D).
        """
        ds = spoken_durations(ds)
        count = int(ds.sum()) if h_masks is None else h_masks.shape[1]
        return self.upsample(hs, ds, count, d_masks)

    def upsample(self, hs: Tensor, ds: Tensor, frames: int, d_masks: Tensor | None = None) -> Tensor:
        """hs (B, U, D), durations ds (B, U), d_masks (B, U) bool, True at real tokens → (B, frames, D)."""
        ds = ds.to(hs.dtype)
        middles = ds.cumsum(dim=1) - ds / 2
        positions = torch.arange(frames, device=hs.device, dtype=hs.dtype)
        # (B, T, U): 20 MB for a minute of speech, less than vectors of only the tokens near each frame.
        energy = -self.delta * (positions.view(1, -1, 1) - middles.unsqueeze(1)).square()
        if d_masks is not None:
            energy = energy.masked_fill(~d_masks.unsqueeze(1), -math.inf)
        return energy.softmax(dim=2) @ hs


def spoken_durations(ds: Tensor) -> Tensor:
    """Durations (B, U), or one frame for each token of texts without any where the whole batch has none."""
    return ds if bool(ds.sum() > 0) else torch.ones_like(ds)
