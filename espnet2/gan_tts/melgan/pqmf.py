"""Pseudo quadrature mirror filters, which split samples into bands and join these (Nguyen 1994)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv_transpose1d
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import UnfitOptionError, require_positive


def design_prototype_filter(taps: int = 62, cutoff_ratio: float = 0.142, beta: float = 9.0) -> np.ndarray:
    """Low-pass filter (taps + 1,) with a Kaiser window (Lin and Vaidyanathan 1998).

    Args:
        taps: even.
        cutoff_ratio: cutoff frequency, as a part of half of the sampling rate.
        beta: shape of the window.

    Raises:
        ValueError: an option that does not fit, named in one sentence.
    """
    if taps < 2 or taps % 2:
        raise UnfitOptionError(f"taps: expected an even number, found {taps}")
    if not 0 < cutoff_ratio < 1:
        raise UnfitOptionError(f"cutoff_ratio: expected a number between 0 and 1, found {cutoff_ratio}")
    steps = np.arange(taps + 1) - taps / 2
    return cutoff_ratio * np.sinc(cutoff_ratio * steps) * np.kaiser(taps + 1, beta)


class PQMF(nn.Module):
    """Filters of `subbands` bands; the other options are those of `design_prototype_filter`."""

    analysis_filter: Tensor
    synthesis_filter: Tensor
    updown_filter: Tensor

    @typechecked
    def __init__(self, subbands: int = 4, taps: int = 62, cutoff_ratio: float = 0.142, beta: float = 9.0):
        super().__init__()
        require_positive(subbands=subbands)
        prototype = design_prototype_filter(taps, cutoff_ratio, beta)
        bands = np.arange(subbands)[:, None]
        angles = (2 * bands + 1) * math.pi / (2 * subbands) * (np.arange(taps + 1) - taps / 2)
        phases = (-1.0) ** bands * math.pi / 4
        analysis, synthesis = (2 * prototype * np.cos(angles + sign * phases) for sign in (1, -1))
        self.subbands = subbands
        self.taps = taps
        self.register_buffer("analysis_filter", torch.from_numpy(analysis).float()[:, None])
        self.register_buffer("synthesis_filter", torch.from_numpy(synthesis).float()[None])
        updown = torch.zeros(subbands, subbands, subbands)  # not read; checkpoints have it
        updown[range(subbands), range(subbands), 0] = 1.0
        self.register_buffer("updown_filter", updown)

    def analysis(self, x: Tensor) -> Tensor:
        """Samples (B, 1, N) → bands (B, subbands, N / subbands), rounded down."""
        length = x.shape[-1] // self.subbands * self.subbands
        return conv1d(x[..., :length], self.analysis_filter, stride=self.subbands, padding=self.taps // 2)

    def synthesis(self, x: Tensor) -> Tensor:
        """Bands (B, subbands, T) → samples (B, 1, T · subbands)."""
        weight = self.subbands * self.synthesis_filter.flip(-1).transpose(0, 1)
        return conv_transpose1d(x, weight, None, self.subbands, self.taps // 2, self.subbands - 1)
