"""Monotonic rational-quadratic splines (Durkan et al. 2019, Neural Spline Flows)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad, softmax, softplus

from espnet.nets.pytorch_backend.nets_utils import choose

TAILS: dict[str | None, bool] = {"linear": True, None: False}


def piecewise_rational_quadratic_transform(
    inputs: Tensor,
    unnormalized_widths: Tensor,
    unnormalized_heights: Tensor,
    unnormalized_derivatives: Tensor,
    inverse: bool = False,
    tails: str | None = None,
    tail_bound: float = 1.0,
    min_bin_width: float = 1e-3,
    min_bin_height: float = 1e-3,
    min_derivative: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Map each value by a spline of its own.

    Nothing branches on values: those outside are clamped for the spline, whose result is then not taken.

    Args:
        inputs: (...).
        unnormalized_widths, unnormalized_heights: (..., K) of the spline's K bins.
        unnormalized_derivatives: at its knots, (..., K - 1) with linear tails, where those at both ends are 1, or
            (..., K + 1) without.
        inverse: map by the inverse of the spline.
        tails: "linear", for a spline from -`tail_bound` to `tail_bound` outside of which values stay as they are; None
            for one from 0 to 1.
        tail_bound: see `tails`.
        min_bin_width, min_bin_height, min_derivative: the smallest ones.

    Returns:
        Mapped values (...), and logarithms of the mapping's derivatives (...).

    Raises:
        ValueError: other tails, or bins that are not narrow enough for their number.
    """
    low, high = (-tail_bound, tail_bound) if choose("tails", tails, TAILS) else (0.0, 1.0)
    if tails is not None:
        at_ends = math.log(math.expm1(1 - min_derivative))
        unnormalized_derivatives = pad(unnormalized_derivatives, (1, 1), value=at_ends)
    x_knots = _knots(unnormalized_widths, min_bin_width, low, high)
    y_knots = _knots(unnormalized_heights, min_bin_height, low, high)
    derivatives = min_derivative + softplus(unnormalized_derivatives)
    mapping = _inverse if inverse else _forward
    inside = (inputs >= low) & (inputs <= high)
    outputs, logarithms = mapping(inputs.clamp(low, high), x_knots, y_knots, derivatives)
    return torch.where(inside, outputs, inputs), torch.where(inside, logarithms, torch.zeros_like(logarithms))


def _knots(unnormalized: Tensor, smallest: float, low: float, high: float) -> Tensor:
    """Ends (..., K + 1) of K bins from `low` to `high`."""
    bins = unnormalized.shape[-1]
    if smallest * bins > 1:
        raise ValueError(f"expected at most {int(1 / smallest)} bins of at least {smallest}, found {bins}")
    sizes = smallest + (1 - smallest * bins) * softmax(unnormalized, dim=-1)
    between = low + (high - low) * sizes[..., :-1].cumsum(dim=-1)
    return pad(pad(between, (1, 0), value=low), (0, 1), value=high)


class _Bins:
    """Bins of values, of which `at` picks what belongs to them."""

    def __init__(self, values: Tensor, knots: Tensor) -> None:
        self._index = (values.unsqueeze(-1) >= knots[..., 1:-1]).sum(dim=-1, keepdim=True)

    def at(self, of_bins: Tensor) -> Tensor:
        """(..., K) → (...)."""
        return of_bins.gather(-1, self._index).squeeze(-1)


def _forward(x: Tensor, x_knots: Tensor, y_knots: Tensor, derivatives: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 4 and 5 of the paper."""
    bins = _Bins(x, x_knots)
    width, height = bins.at(x_knots.diff(dim=-1)), bins.at(y_knots.diff(dim=-1))
    first, second = bins.at(derivatives[..., :-1]), bins.at(derivatives[..., 1:])
    theta = (x - bins.at(x_knots[..., :-1])) / width
    slope = height / width
    rest = theta * (1 - theta)
    denominator = slope + (first + second - 2 * slope) * rest
    y = bins.at(y_knots[..., :-1]) + height * (slope * theta.square() + first * rest) / denominator
    return y, _log_derivative(theta, slope, first, second, denominator)


def _inverse(y: Tensor, x_knots: Tensor, y_knots: Tensor, derivatives: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 6 to 8 of the paper: the root of a quadratic equation, in the form that does not cancel digits."""
    bins = _Bins(y, y_knots)
    width, height = bins.at(x_knots.diff(dim=-1)), bins.at(y_knots.diff(dim=-1))
    first, second = bins.at(derivatives[..., :-1]), bins.at(derivatives[..., 1:])
    above = y - bins.at(y_knots[..., :-1])
    slope = height / width
    curvature = first + second - 2 * slope
    a = height * (slope - first) + above * curvature
    b = height * first - above * curvature
    c = -slope * above
    theta = 2 * c / (-b - (b.square() - 4 * a * c).clamp(min=0).sqrt())
    denominator = slope + curvature * theta * (1 - theta)
    x = bins.at(x_knots[..., :-1]) + theta * width
    return x, -_log_derivative(theta, slope, first, second, denominator)


def _log_derivative(theta: Tensor, slope: Tensor, first: Tensor, second: Tensor, denominator: Tensor) -> Tensor:
    """Logarithm of the spline's derivative at the part `theta` of a bin."""
    numerator = second * theta.square() + 2 * slope * theta * (1 - theta) + first * (1 - theta).square()
    return 2 * slope.log() + numerator.log() - 2 * denominator.log()
