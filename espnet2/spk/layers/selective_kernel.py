"""Selective kernel attention (Li et al. 2019): convolutions of several widths, weighted by what their sum says.

`MultiScale` of SKA-TDNN (Mun et al. 2023) weights channels of frames, `fwSKAttention` and `cwSKAttention` frequencies
and channels of spectrograms.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from espnet2.spk.layers.padding import mean_over, silent


def convolutions(
    make: type[nn.Conv1d] | type[nn.Conv2d],
    normalize: type[nn.Module],
    channels: int,
    kernels: Sequence[int],
    dilation: int,
) -> nn.ModuleList:
    """A convolution of each width that keeps the number of frames, with its activation and normalisation."""
    return nn.ModuleList(
        nn.Sequential(
            OrderedDict(
                conv=make(channels, channels, kernel, padding=kernel // 2 * dilation, dilation=dilation),
                relu=nn.ReLU(),
                bn=normalize(channels),
            )
        )
        for kernel in kernels
    )


class KernelWeights(nn.Module):
    """Weights of K convolutions for each of `size` rows, which add up to 1.

    Args:
        size: rows.
        reduction: by which a hidden layer is smaller.
        least: of the size of that layer.
        kernels: K.
        convs: The convolutions, where they are part of it; registered first, as states of optimisers have this order.
    """

    convs: nn.ModuleList

    def __init__(self, size: int, reduction: int, least: int, kernels: int, convs: nn.ModuleList | None = None):
        super().__init__()
        if convs is not None:
            self.convs = convs
        hidden = max(least, size // reduction)
        self.fc = nn.Linear(size, hidden)
        self.relu = nn.ReLU()
        self.fcs = nn.ModuleList(nn.Linear(hidden, size) for _ in range(kernels))
        self.softmax = nn.Softmax(dim=0)

    def weights(self, means: Tensor) -> Tensor:
        """(B, size) → (K, B, size)."""
        hidden = self.relu(self.fc(means))
        return self.softmax(torch.stack([fc(hidden) for fc in self.fcs]))


def outputs_of(convs: Iterable[nn.Module], x: Tensor, padding: Tensor) -> Tensor:
    """The outputs of all convolutions: (B, C, ..., T) with its padding → (K, B, C, ..., T)."""
    read = silent(x, padding)
    return torch.stack([conv(read) for conv in convs])


class SKAttentionModule(KernelWeights):
    """Weights of channels, of convolutions over time that the caller has; see `KernelWeights`."""

    def __init__(self, channel: int = 128, reduction: int = 4, L: int = 16, num_kernels: int = 2):
        super().__init__(channel, reduction, L, num_kernels)

    def forward(self, x: Tensor, convs: Iterable[nn.Module], padding: Tensor) -> Tensor:
        """(B, C, T) with its padding (B, 1, T) → (B, C, T)."""
        outputs = outputs_of(convs, x, padding)
        weights = self.weights(mean_over(outputs.sum(dim=0), padding).squeeze(-1))
        return (weights.unsqueeze(-1) * outputs).sum(dim=0)


class fwSKAttention(KernelWeights):
    """Weights of frequencies, of convolutions over frequency and time; see `KernelWeights`."""

    def __init__(
        self, freq: int = 40, channel: int = 128, kernels: Sequence[int] = (5, 7), reduction: int = 8, L: int = 16
    ):
        convs = convolutions(nn.Conv2d, nn.BatchNorm2d, channel, kernels, dilation=1)
        super().__init__(freq, reduction, L, len(kernels), convs)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, C, F, T) with its padding (B, 1, 1, T) → (B, C, F, T)."""
        outputs = outputs_of(self.convs, x, padding)
        means = mean_over(outputs.sum(dim=0).mean(dim=1, keepdim=True), padding)
        return (self.weights(means.flatten(1))[:, :, None, :, None] * outputs).sum(dim=0)


class cwSKAttention(KernelWeights):
    """Weights of channels, of convolutions over frequency and time; see `KernelWeights`. `freq` is not read."""

    def __init__(
        self, freq: int = 40, channel: int = 128, kernels: Sequence[int] = (5, 7), reduction: int = 8, L: int = 16
    ):
        convs = convolutions(nn.Conv2d, nn.BatchNorm2d, channel, kernels, dilation=1)
        super().__init__(channel, reduction, L, len(kernels), convs)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, C, F, T) with its padding (B, 1, 1, T) → (B, C, F, T)."""
        outputs = outputs_of(self.convs, x, padding)
        means = mean_over(outputs.sum(dim=0).mean(dim=2, keepdim=True), padding)
        return (self.weights(means.flatten(1))[:, :, :, None, None] * outputs).sum(dim=0)
