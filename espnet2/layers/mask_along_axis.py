"""Masks over ranges of frames or of frequencies (Park et al. 2019, section 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

DIMENSIONS = {"time": 1, "freq": 2}


def mask_along_axis(
    spec: Tensor,
    spec_lengths: Tensor | None,
    mask_width_range: Sequence[int] = (0, 30),
    dim: int = 1,
    num_mask: int = 2,
    replace_with_zero: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Mask ranges of a dimension, drawn for each utterance.

    Args:
        spec: (B, T, C) features.
        spec_lengths: (B,) lengths, returned unchanged.
        mask_width_range: widths are drawn from the first number up to the second, without it.
        dim: 1 for frames, 2 for frequencies.
        num_mask: ranges per utterance, which may overlap.
        replace_with_zero: mask with zeros rather than the batch's mean.
    """
    size, shape = spec.shape[dim], (spec.shape[0], num_mask)
    least, beyond = mask_width_range
    width = torch.randint(least, beyond, shape, device=spec.device).unsqueeze(2)
    latest = max(1, size - int(width.max()))
    begin = torch.randint(0, latest, shape, device=spec.device).unsqueeze(2)
    place = torch.arange(size, device=spec.device)
    masked = ((begin <= place) & (place < begin + width)).any(dim=1).unsqueeze(3 - dim)
    value: Tensor | float = 0.0 if replace_with_zero else spec.mean()
    return spec.masked_fill(masked, value), spec_lengths


class MaskAlongAxis(torch.nn.Module):
    """Masks whose widths are given in frames or frequencies.

    Args:
        mask_width_range: smallest width, and exclusive upper bound; a single number is the upper bound from 0.
        num_mask: masks per utterance.
        dim: "time" or "freq".
        replace_with_zero: see `mask_along_axis`.

    Raises:
        ValueError: no such range, number or dimension.
    """

    def __init__(
        self,
        mask_width_range: int | Sequence[int] = (0, 30),
        num_mask: int = 2,
        dim: int | str = "time",
        replace_with_zero: bool = True,
    ):
        super().__init__()
        self.mask_width_range = _range("mask_width_range", mask_width_range)
        if self.mask_width_range[0] == self.mask_width_range[1]:
            raise ValueError(f"mask_width_range: expected widths below its second number, found {mask_width_range}")
        self.num_mask, self.dim = _checked(num_mask, dim)
        self.replace_with_zero = replace_with_zero

    def forward(self, spec: Tensor, spec_lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Features (B, T, C) and lengths (B,) → the same with masks."""
        given = self.mask_width_range, self.dim, self.num_mask, self.replace_with_zero
        return mask_along_axis(spec, spec_lengths, *given)


class MaskAlongAxisVariableMaxWidth(torch.nn.Module):
    """Masks whose widths are ratios of the batch's size along the dimension.

    Args:
        mask_width_ratio_range: smallest ratio, and exclusive upper bound; a single number is the upper bound from 0.
        num_mask, dim, replace_with_zero: see `MaskAlongAxis`.

    Raises:
        ValueError: no such range, number or dimension.
    """

    def __init__(
        self,
        mask_width_ratio_range: float | Sequence[float] = (0.0, 0.05),
        num_mask: int = 2,
        dim: int | str = "time",
        replace_with_zero: bool = True,
    ):
        super().__init__()
        self.mask_width_ratio_range = _range("mask_width_ratio_range", mask_width_ratio_range)
        self.num_mask, self.dim = _checked(num_mask, dim)
        self.replace_with_zero = replace_with_zero

    def forward(self, spec: Tensor, spec_lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Features (B, T, C) and lengths (B,) → the same with masks; unchanged if widths are below one frame."""
        size = spec.shape[self.dim]
        least, beyond = (min(size, int(size * ratio)) for ratio in self.mask_width_ratio_range)
        if least >= beyond:
            return spec, spec_lengths
        return mask_along_axis(spec, spec_lengths, (least, beyond), self.dim, self.num_mask, self.replace_with_zero)


def _range(option: str, given: float | Sequence[float]) -> tuple:
    least, beyond = given if isinstance(given, Sequence) and len(given) == 2 else (0, given)
    if isinstance(beyond, Sequence) or not 0 <= least <= beyond:
        raise ValueError(f"{option}: expected a number, or a smaller and a larger one, 0 or more; found {given}")
    return least, beyond


def _checked(num_mask: int, dim: int | str) -> tuple[int, int]:
    if num_mask < 1:
        raise ValueError(f"num_mask: expected at least 1, found {num_mask}")
    if dim not in (*DIMENSIONS, *DIMENSIONS.values()):
        raise ValueError(f"dim: expected one of {', '.join(DIMENSIONS)}, found {dim!r}")
    return num_mask, DIMENSIONS[dim] if isinstance(dim, str) else dim
