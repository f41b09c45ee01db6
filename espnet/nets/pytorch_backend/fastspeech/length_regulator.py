"""Length regulator (Ren et al. 2019, FastSpeech, section 3.2): tokens become as many frames as they last."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask


def scaled_durations(durations: Tensor, alpha: float = 1.0) -> Tensor:
    """Durations (B, U) in frames, times `alpha`; one frame for each token where the whole batch has none.

    Raises:
        ValueError: `alpha` is not positive.
    """
    if alpha <= 0:
        raise ValueError(f"alpha: expected a positive number, found {alpha}")
    scaled = durations if alpha == 1.0 else torch.round(durations.float() * alpha).long()
    return scaled if scaled.any() else torch.ones_like(scaled)


def frame_tokens(durations: Tensor) -> tuple[Tensor, Tensor]:
    """Durations (B, U) → the token of each frame (B, T) int64, 0 in the padding, and the frames (B,) of each text."""
    ends = durations.cumsum(dim=1)
    lengths = ends[:, -1]
    frames = torch.arange(int(lengths.max()), device=durations.device).expand(len(durations), -1)
    tokens = torch.searchsorted(ends, frames.contiguous(), right=True)
    return tokens.masked_fill(make_pad_mask(lengths, frames.shape[1]), 0), lengths


def expand(xs: Tensor, tokens: Tensor) -> Tensor:
    """Repeat tokens: xs (B, U, D), tokens (B, T) int64, the token of each frame → (B, T, D)."""
    return xs.gather(1, tokens.unsqueeze(-1).expand(-1, -1, xs.shape[2]))


class LengthRegulator(nn.Module):
    """Repeats each token for its duration.

    Args:
        pad_value: value of the padded frames of shorter texts in a batch.
    """

    def __init__(self, pad_value: float = 0.0):
        super().__init__()
        self.pad_value = pad_value

    def forward(self, xs: Tensor, ds: Tensor, alpha: float = 1.0) -> Tensor:
        """xs (B, U, D), durations ds (B, U) int64, which are multiplied by `alpha` → (B, T, D)."""
        tokens, lengths = frame_tokens(scaled_durations(ds, alpha))
        padding = make_pad_mask(lengths, tokens.shape[1]).unsqueeze(-1)
        return expand(xs, tokens).masked_fill(padding, self.pad_value)
