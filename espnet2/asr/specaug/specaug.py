"""SpecAugment (Park et al. 2019): the options that configs give, checked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from typeguard import typechecked

from espnet2.asr.specaug.abs_specaug import AbsSpecAug


class SpecAug(AbsSpecAug):
    """Knows the options of time warping, frequency masks and time masks; recognition changes no features.

    Widths are in frames or bins, ratios of the utterance's length. Raises `ValueError` when nothing is to be applied,
    or when the width of time masks is given neither or both ways.
    """

    @typechecked
    def __init__(
        self,
        apply_time_warp: bool = True,
        time_warp_window: int = 5,
        time_warp_mode: str = "bicubic",
        apply_freq_mask: bool = True,
        freq_mask_width_range: int | Sequence[int] = (0, 20),
        num_freq_mask: int = 2,
        apply_time_mask: bool = True,
        time_mask_width_range: int | Sequence[int] | None = None,
        time_mask_width_ratio_range: float | Sequence[float] | None = None,
        num_time_mask: int = 2,
        replace_with_zero: bool = True,
    ):
        super().__init__()
        if not (apply_time_warp or apply_freq_mask or apply_time_mask):
            raise ValueError("expected one of apply_time_warp, apply_freq_mask, apply_time_mask, found none")
        widths = (time_mask_width_range, time_mask_width_ratio_range)
        if apply_time_mask and sum(width is not None for width in widths) != 1:
            raise ValueError("expected time_mask_width_range or time_mask_width_ratio_range, found both or neither")

    def forward(
        self, x: torch.Tensor, x_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features (B, T, C) and lengths (B,), unchanged outside of training; raises `RuntimeError` in it."""
        if self.training:
            raise RuntimeError("SpecAug: expected a model in evaluation mode, since this release does not train")
        return x, x_lengths
