"""The block of RawNet3 (Jung et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet2.interface.spec import Length
from espnet2.spk.layers.padding import mean_over, padding_of
from espnet2.spk.layers.res2net_block import Res2NetBlock


class AFMS(nn.Module):
    """Scale and shift each channel by what the means of all channels say (α-feature-map scaling, Jung et al. 2020)."""

    def __init__(self, nb_dim: int):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(nb_dim, 1))
        self.fc = nn.Linear(nb_dim, nb_dim)
        self.sig = nn.Sigmoid()

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, D, T) with its padding (B, 1, T) → (B, D, T)."""
        scale = self.sig(self.fc(mean_over(x, padding).squeeze(-1)))
        return (x + self.alpha) * scale.unsqueeze(-1)


class Bottle2neck(Res2NetBlock):
    """Convolutions over several scales, a residual connection, max pooling, and α-feature-map scaling.

    `pool` frames become one (0: there is no pooling); `length` is the formula of that. See `Res2NetBlock` for the rest.
    """

    def __init__(
        self, inplanes: int, planes: int, kernel_size: int = 3, dilation: int = 1, scale: int = 4, pool: int = 0
    ):
        super().__init__(inplanes, planes, kernel_size, dilation, scale)
        self.mp: nn.Module = nn.MaxPool1d(pool) if pool else nn.Identity()
        self.length = Length.conv(pool, pool) if pool else Length()
        self.afms = AFMS(planes)
        self.residual: nn.Module = nn.Identity()
        if inplanes != planes:
            self.residual = nn.Sequential(nn.Conv1d(inplanes, planes, 1, bias=False))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, inplanes, T) of `lengths` (B,) → (B, planes, T')."""
        pooled = self.mp(self.scales(x, padding_of(x, lengths)) + self.residual(x))
        return self.afms(pooled, padding_of(pooled, self.length(lengths)))
