"""The block of ECAPA-TDNN (Desplanques et al. 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from espnet2.spk.layers.padding import mean_over, padding_of
from espnet2.spk.layers.res2net_block import Res2NetBlock


class SEModule(nn.Module):
    """Squeeze and excitation: scale each channel by what the means of all channels say (Hu et al. 2018)."""

    def __init__(self, channels: int, bottleneck: int = 128):
        super().__init__()
        self.se = nn.Sequential(
            nn.Identity(),  # the place of the average, which has to know the padding
            nn.Conv1d(channels, bottleneck, 1),
            nn.ReLU(),
            nn.BatchNorm1d(bottleneck),
            nn.Conv1d(bottleneck, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, channels, T) with its padding (B, 1, T) → (B, channels, T)."""
        return x * self.se(mean_over(x, padding))


class EcapaBlock(Res2NetBlock):
    """Convolutions over several scales, squeeze and excitation, and a residual connection; see `Res2NetBlock`."""

    def __init__(self, inplanes: int, planes: int, kernel_size: int = 3, dilation: int = 1, scale: int = 8):
        super().__init__(inplanes, planes, kernel_size, dilation, scale)
        self.se = SEModule(planes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, D, T) of `lengths` (B,) → (B, D, T)."""
        padding = padding_of(x, lengths)
        return self.se(self.scales(x, padding), padding) + x
