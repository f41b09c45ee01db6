"""Layers that change the number of steps of a sequence, or of its channels (Goel et al. 2022).

Tensors are (B, T, C), or (B, C, T) where `transposed`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def downsample(x: Tensor | None, stride: int = 1, expand: int = 1, transposed: bool = False) -> Tensor | None:
    """Keep every `stride`-th step, and repeat each channel `expand` times."""
    if x is None:
        return None
    time, channels = _axes(transposed)
    kept = x.index_select(time, torch.arange(0, x.shape[time], stride, device=x.device))
    return kept.repeat_interleave(expand, dim=channels)


def upsample(x: Tensor | None, stride: int = 1, expand: int = 1, transposed: bool = False) -> Tensor | None:
    """Repeat each step `stride` times, and take the mean over each `expand` channels."""
    if x is None:
        return None
    time, channels = _axes(transposed)
    fewer = x.unflatten(channels, (-1, expand)).movedim(-2 if transposed else -1, -1).mean(-1)
    return fewer.repeat_interleave(stride, dim=time)


def _axes(transposed: bool) -> tuple[int, int]:
    """Positions of time and of channels among the last two axes."""
    return (-1, -2) if transposed else (-2, -1)


class Resampling(nn.Module):
    """Base with the common constructor: C is `d_input`; see `downsample`."""

    def __init__(self, d_input: int, stride: int = 1, expand: int = 1, transposed: bool = True):
        super().__init__()
        self.d_input, self.stride, self.expand, self.transposed = d_input, stride, expand, transposed

    @property
    def d_output(self) -> int:
        """Channels of the output."""
        return self.d_input * self.expand


class DownSample(Resampling):
    """`downsample` as a layer."""

    def forward(self, x: Tensor | None) -> Tensor | None:
        return downsample(x, self.stride, self.expand, self.transposed)


class UpSample(Resampling):
    """`upsample` as a layer."""

    @property
    def d_output(self) -> int:
        """Channels of the output."""
        return self.d_input // self.expand

    def forward(self, x: Tensor | None) -> Tensor | None:
        return upsample(x, self.stride, self.expand, self.transposed)


class DownAvgPool(Resampling):
    """Mean over each `stride` steps; incomplete groups at the end are dropped."""

    def forward(self, x: Tensor) -> Tensor:
        time, channels = _axes(self.transposed)
        count = x.shape[time] // self.stride
        steps = x.narrow(time, 0, count * self.stride).unflatten(time, (count, self.stride))
        return steps.mean(-1 if self.transposed else -2).repeat_interleave(self.expand, dim=channels)


class DownLinearPool(Resampling):
    """Linear layer over the channels of each `stride` steps; the number of steps must be a multiple of `stride`."""

    def __init__(self, d_input: int, stride: int = 1, expand: int = 1, transposed: bool = True):
        super().__init__(d_input, stride, expand, transposed)
        self.linear = nn.Linear(d_input * stride, d_input * expand)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.transpose(1, 2) if self.transposed else x
        # One step after the other of each channel.
        y = self.linear(steps.unflatten(1, (-1, self.stride)).transpose(2, 3).flatten(2))
        return y.transpose(1, 2) if self.transposed else y


registry: dict[str, type[Resampling]] = {"sample": DownSample, "pool": DownAvgPool, "linear": DownLinearPool}
