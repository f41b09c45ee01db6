"""Normalisations of stand-alone transducers, over the last axis, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose


class BasicNorm(nn.Module):
    """x divided by its root mean square, with a learned constant under the root (Povey, icefall).

    Args:
        normalized_shape: D.
        eps: initial value of the constant.
    """

    def __init__(self, normalized_shape: int, eps: float = 0.25):
        super().__init__()
        self.eps = nn.Parameter(torch.tensor(eps).log())

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        return x * (x.square().mean(-1, keepdim=True) + self.eps.exp()).rsqrt()


class RMSNorm(nn.Module):
    """x divided by its root mean square, times a weight per feature (Zhang and Sennrich 2019).

    Args:
        normalized_shape: D.
        eps: added to the root.
        partial: share of the features used for the root mean square; all if it is not between 0 and 1.

    Raises:
        ValueError: the share is less than one feature.
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5, partial: float = -1.0):
        super().__init__()
        self.features = int(normalized_shape * partial) if 0 < partial < 1 else normalized_shape
        if self.features < 1:
            raise ValueError(f"partial: expected at least one of {normalized_shape} features, found {partial}")
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(normalized_shape))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        root = x[..., : self.features].norm(dim=-1, keepdim=True) * self.features**-0.5
        return self.scale * x / (root + self.eps)


class ScaleNorm(nn.Module):
    """x divided by its length, times one weight (Nguyen and Salazar 2019).

    Args:
        normalized_shape: D.
        eps: lower bound of the length.
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.scale = nn.Parameter(torch.tensor(normalized_shape**0.5))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) → (..., D)."""
        return x * (self.scale / x.norm(dim=-1, keepdim=True).clamp(min=self.eps))


# Each with its options and their defaults.
NORMALIZATIONS: dict[str, tuple[Callable[..., nn.Module], dict[str, float]]] = {
    "basic_norm": (BasicNorm, {"eps": 0.25}),
    "layer_norm": (nn.LayerNorm, {"eps": 1e-12}),
    "rms_norm": (RMSNorm, {"eps": 1e-5, "partial": -1.0}),
    "scale_norm": (ScaleNorm, {"eps": 1e-5}),
}


def get_normalization(
    normalization_type: str, eps: float | None = None, partial: float | None = None, **others: Any
) -> tuple[Callable[..., nn.Module], dict[str, float]]:
    """Return the class of a normalisation, and the keywords to call it with.

    Args:
        normalization_type: one of `NORMALIZATIONS`.
        eps: see the classes; None for the type's own.
        partial: of `RMSNorm`, ignored by others; None for its own.
        others: must be empty.

    Raises:
        ValueError: another name, another option, or a constant that is not positive.
    """
    make, defaults = choose("normalization_type", normalization_type, NORMALIZATIONS)
    for name in others:
        raise ValueError(f"normalization: expected eps or partial, found {name}")
    if eps is not None and not eps > 0:
        raise ValueError(f"eps: expected a positive number, found {eps}")
    given = {name: value for name, value in {"eps": eps, "partial": partial}.items() if value is not None}
    return make, {name: given.get(name, default) for name, default in defaults.items()}
