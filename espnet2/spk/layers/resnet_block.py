"""Blocks of residual networks (He et al. 2016) over frequency and time."""

from __future__ import annotations

from torch import Tensor, nn

from espnet2.interface.spec import Length
from espnet2.spk.layers.padding import padding_of, silent


class ResidualBlock(nn.Module):
    """Base of both blocks.

    Args:
        in_planes: channels of the input.
        planes: channels inside; the output has `expansion` times as many.
        stride: of frequency and time; `length` is the formula of the latter.
    """

    expansion: int = 1

    def __init__(self, in_planes: int, planes: int, stride: int = 1):
        super().__init__()
        self.length = Length.conv(3, stride, 1)
        self.relu = nn.ReLU()
        self.shortcut = nn.Sequential()
        made = planes * self.expansion
        if stride != 1 or in_planes != made:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, made, 1, stride, bias=False), nn.BatchNorm2d(made))


class BasicBlock(ResidualBlock):
    """Two convolutions; see `ResidualBlock`."""

    def __init__(self, in_planes: int, planes: int, stride: int = 1):
        super().__init__(in_planes, planes, stride)
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, C, F, T) of `lengths` (B,) → (B, C', F', T')."""
        inner = self.relu(self.bn1(self.conv1(silent(x, padding_of(x, lengths)))))
        inner = silent(inner, padding_of(inner, self.length(lengths)))
        return self.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class Bottleneck(ResidualBlock):
    """A convolution between two point-wise ones; see `ResidualBlock`."""

    expansion = 4

    def __init__(self, in_planes: int, planes: int, stride: int = 1):
        super().__init__(in_planes, planes, stride)
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, C, F, T) of `lengths` (B,) → (B, C', F', T')."""
        inner = silent(self.relu(self.bn1(self.conv1(x))), padding_of(x, lengths))
        inner = self.relu(self.bn2(self.conv2(inner)))
        return self.relu(self.bn3(self.conv3(inner)) + self.shortcut(x))
