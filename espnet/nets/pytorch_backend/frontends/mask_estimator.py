"""Masks of time and frequency from magnitudes, by a recurrent network for every channel (Heymann et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.frontends.complex_pair import Pair
from espnet.nets.pytorch_backend.nets_utils import make_pad_mask, require_positive
from espnet.nets.pytorch_backend.rnn.encoders import CELLS, RNN, RNNP

SMALLEST_POWER = 1e-20  # whose square root has a finite gradient


class MaskEstimator(nn.Module):
    """Recurrent layers and a sigmoid for each mask.

    Args:
        type: `lstm` or `gru`, with `b` before it for two directions and `p` behind it for projections between layers;
            `vgg` before all of it is without effect.
        idim: F.
        layers, units, projs: number of layers, S, and size of projections.
        dropout: between layers, in training.
        nmask: number of masks.

    Raises:
        ValueError: an unknown type, or a number below 1.
    """

    def __init__(self, type: str, idim: int, layers: int, units: int, projs: int, dropout: float, nmask: int = 1):
        super().__init__()
        require_positive(layers=layers, units=units, projs=projs, nmask=nmask)
        name = type.removeprefix("vgg").removesuffix("p")
        if name.removeprefix("b") not in CELLS:
            raise ValueError(f"type: expected a recurrent network such as blstmp or bgru, found {type!r}")
        if type.endswith("p"):
            self.brnn: RNN | RNNP = RNNP(idim, layers, units, projs, [1] * layers, dropout, name)
        else:
            self.brnn = RNN(idim, layers, units, projs, dropout, name)
        self.linears = nn.ModuleList(nn.Linear(projs, idim) for _ in range(nmask))

    def forward(self, xs: Pair, ilens: Tensor) -> list[Tensor]:
        """Spectra (B, F, C, T) and lengths (B,) → masks (B, F, C, T) from 0 to 1, 0 beyond each utterance."""
        channels = xs.real.shape[2]
        magnitude = xs.square().clamp(min=SMALLEST_POWER).sqrt().permute(0, 2, 3, 1)
        lengths = ilens.unsqueeze(1).expand(-1, channels).flatten()
        hidden, _, _ = self.brnn(magnitude.flatten(0, 1), lengths)
        padding = make_pad_mask(ilens, xs.real.shape[3])[:, None, None, :]
        hidden = hidden.unflatten(0, (-1, channels))
        return [torch.sigmoid(linear(hidden)).permute(0, 3, 1, 2).masked_fill(padding, 0.0) for linear in self.linears]
