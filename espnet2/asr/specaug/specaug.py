"""SpecAugment (Park et al. 2019): time warping, masks over frequencies, masks over frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from typeguard import typechecked

from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.layers.mask_along_axis import MaskAlongAxis, MaskAlongAxisVariableMaxWidth
from espnet2.layers.time_warp import TimeWarp


class SpecAug(AbsSpecAug):
    """SpecAugment, in this order: time warping, frequency masks, time masks.

    Args:
        apply_time_warp: warp the time.
        time_warp_window: largest shift of a point, in frames.
        time_warp_mode: interpolation, "bicubic" or "bilinear".
        apply_freq_mask: mask frequencies.
        freq_mask_width_range: smallest width of a mask, and exclusive upper bound; a single number is the upper bound
            from 0.
        num_freq_mask: masks per utterance.
        apply_time_mask: mask frames.
        time_mask_width_range: as for frequencies, in frames.
        time_mask_width_ratio_range: the same as ratios of the batch's longest utterance; instead of the option above.
        num_time_mask: masks per utterance.
        replace_with_zero: mask with zeros rather than the batch's mean.

    Raises:
        ValueError: no augmentation is enabled, the width of time masks is given in neither or both ways, or an option
            is invalid.
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
        steps: list[torch.nn.Module] = []
        if apply_time_warp:
            steps.append(TimeWarp(time_warp_window, time_warp_mode))
        if apply_freq_mask:
            steps.append(MaskAlongAxis(freq_mask_width_range, num_freq_mask, "freq", replace_with_zero))
        if apply_time_mask and time_mask_width_range is not None:
            steps.append(MaskAlongAxis(time_mask_width_range, num_time_mask, "time", replace_with_zero))
        if apply_time_mask and time_mask_width_ratio_range is not None:
            ratios = time_mask_width_ratio_range
            steps.append(MaskAlongAxisVariableMaxWidth(ratios, num_time_mask, "time", replace_with_zero))
        self.steps = torch.nn.ModuleList(steps)

    def forward(
        self, x: torch.Tensor, x_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features (B, T, C) and lengths (B,) → augmented features and the same lengths; draws come from PyTorch."""
        for step in self.steps:
            x, x_lengths = step(x, x_lengths)
        return x, x_lengths
