"""The part of a block over several scales (Gao et al. 2019) that ECAPA-TDNN's and RawNet3's blocks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet2.spk.layers.padding import silent


class Res2NetBlock(nn.Module):
    """Two point-wise convolutions around `scale` groups of channels, each of which reads the group before it, too.

    Args:
        inplanes, planes: channels of the input and of the output.
        kernel_size, dilation: of the convolutions of the groups.
        scale: groups; the last one is passed on as it is.
    """

    def __init__(self, inplanes: int, planes: int, kernel_size: int, dilation: int, scale: int):
        super().__init__()
        width = planes // scale
        self.conv1 = nn.Conv1d(inplanes, width * scale, 1)
        self.bn1 = nn.BatchNorm1d(width * scale)
        padding = kernel_size // 2 * dilation
        convolutions = (
            nn.Conv1d(width, width, kernel_size, dilation=dilation, padding=padding) for _ in range(scale - 1)
        )
        self.convs = nn.ModuleList(convolutions)
        self.bns = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(scale - 1))
        self.conv3 = nn.Conv1d(width * scale, planes, 1)
        self.bn3 = nn.BatchNorm1d(planes)
        self.relu = nn.ReLU()
        self.scale = scale

    def scales(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, inplanes, T) with its padding (B, 1, T) → (B, planes, T)."""
        *groups, last = self.bn1(self.relu(self.conv1(x))).chunk(self.scale, dim=1)
        outputs: list[Tensor] = []
        for group, conv, bn in zip(groups, self.convs, self.bns, strict=True):
            read = group + outputs[-1] if outputs else group
            outputs.append(bn(self.relu(conv(silent(read, padding)))))
        return self.bn3(self.relu(self.conv3(torch.cat([*outputs, last], dim=1))))
