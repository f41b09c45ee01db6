"""Time warping (Park et al. 2019, section 2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.nn.utils.rnn import pad_sequence

MODES = ("bicubic", "bilinear")


def time_warp(x: Tensor, window: int = 80, mode: str = "bicubic") -> Tensor:
    """Move a random point of features x (B, T, C), the same for all, by up to `window` frames.

    Features without a point that is more than `window` frames from both ends are unchanged.
    """
    frames = x.shape[1]
    if frames - window <= window:
        return x
    centre = int(torch.randint(window, frames - window, (1,)))
    moved = int(torch.randint(centre - window, centre + window, (1,))) + 1
    parts = (x[:, :centre], moved), (x[:, centre:], frames - moved)
    return torch.cat([_stretched(part, length, mode) for part, length in parts], dim=1)


def _stretched(x: Tensor, length: int, mode: str) -> Tensor:
    size = length, x.shape[2]
    return interpolate(x.unsqueeze(1), size, mode=mode, align_corners=False).squeeze(1)


class TimeWarp(torch.nn.Module):
    """Time warping of a batch, drawn for each utterance unless all have the same length.

    Args:
        window: largest shift of a point, in frames.
        mode: interpolation, "bicubic" or "bilinear".

    Raises:
        ValueError: a window below 1, or another mode.
    """

    def __init__(self, window: int = 80, mode: str = "bicubic"):
        super().__init__()
        if window < 1:
            raise ValueError(f"time_warp_window: expected at least 1 frame, found {window}")
        if mode not in MODES:
            raise ValueError(f"time_warp_mode: expected one of {', '.join(MODES)}, found {mode!r}")
        self.window = window
        self.mode = mode

    def forward(self, x: Tensor, x_lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Features (B, T, C), and lengths (B,) or None → warped features, zero beyond each utterance; lengths."""
        lengths = [] if x_lengths is None else x_lengths.tolist()
        if len(set(lengths)) <= 1:
            return time_warp(x, self.window, self.mode), x_lengths
        warped = [
            time_warp(row[None, :length], self.window, self.mode)[0] for row, length in zip(x, lengths, strict=True)
        ]
        return pad_sequence(warped, batch_first=True), x_lengths
