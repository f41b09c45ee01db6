"""Paddings of convolutions at both ends, by PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import choose


class Reflection(nn.Module):
    """Reflection of `padding` steps at both ends, of inputs of any length: shorter ones are reflected repeatedly."""

    def __init__(self, padding: int):
        super().__init__()
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """(..., T) → (..., T + 2 padding)."""
        steps = torch.arange(1, self.padding + 1, device=x.device)
        length = x.shape[-1]
        left, right = (folded(places, length) for places in (steps.flip(0), length - 1 + steps))
        return torch.cat([x[..., left], x, x[..., right]], dim=-1)


def folded(places: Tensor, length: int) -> Tensor:
    """The step from 0 to length - 1 that reflections at both ends give for steps beyond these."""
    period = (torch.full_like(places, length) * 2 - 2).clamp(min=1)
    rest = places % period
    return torch.minimum(rest, period - rest)


class Replication(nn.Module):
    """The first and the last step, repeated `padding` times at their ends."""

    def __init__(self, padding: int):
        super().__init__()
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """(..., T) → (..., T + 2 padding)."""
        shape = (*x.shape[:-1], self.padding)
        return torch.cat([x[..., :1].expand(shape), x, x[..., -1:].expand(shape)], dim=-1)


PADDINGS: Mapping[str, Callable[..., nn.Module]] = {
    "ReflectionPad1d": Reflection,
    "ReplicationPad1d": Replication,
    "ConstantPad1d": nn.ConstantPad1d,
    "ZeroPad1d": nn.ZeroPad1d,
}


def make_padding(name: str, padding: int, params: Mapping[str, Any] | None = None) -> nn.Module:
    """Make the padding of that name; raises `ValueError` for another name."""
    return choose("pad", name, PADDINGS)(padding, **(params or {}))
