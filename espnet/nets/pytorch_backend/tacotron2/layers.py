"""Prenet, postnet, and recurrent cells of Tacotron 2 (Shen et al. 2018, section 2.2)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from espnet.nets.pytorch_backend.nets_utils import require_positive, require_rates
from espnet.nets.pytorch_backend.transformer.multi_layer_conv import same_padding


class ZoneOutCell(nn.Module):
    """Cell whose state keeps some of its values (zoneout, Krueger et al. 2017).

    Args:
        cell: an `nn.LSTMCell`.
        zoneout_rate: probability that a value is kept; its mean takes the place of chance outside training.
    """

    def __init__(self, cell: nn.LSTMCell, zoneout_rate: float = 0.1):
        super().__init__()
        require_rates(zoneout_rate=zoneout_rate)
        self.cell = cell
        self.hidden_size = cell.hidden_size
        self.zoneout_rate = zoneout_rate

    def forward(self, inputs: Tensor, hidden: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Inputs (B, F) and states (B, S) → the next states."""
        return self.kept(hidden, self.cell(inputs, hidden))

    def kept(self, before: tuple[Tensor, Tensor], after: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The states `after`, some of whose values are those of `before`."""
        hidden, cell = (self._mixed(*pair) for pair in zip(before, after, strict=True))
        return hidden, cell

    def _mixed(self, before: Tensor, after: Tensor) -> Tensor:
        if self.training:
            mask = torch.empty_like(before).bernoulli_(self.zoneout_rate)
            return mask * before + (1 - mask) * after
        return self.zoneout_rate * before + (1 - self.zoneout_rate) * after


class Prenet(nn.Module):
    """Layers that read the frame before, with dropout in training and in synthesis alike.

    Args:
        idim: F.
        n_layers, n_units: number of layers and their size.
        dropout_rate: after each of them.
    """

    def __init__(self, idim: int, n_layers: int = 2, n_units: int = 256, dropout_rate: float = 0.5):
        super().__init__()
        require_positive(prenet_layers=n_layers, prenet_units=n_units)
        require_rates(dropout_rate=dropout_rate)
        self.dropout_rate = dropout_rate
        self.n_units = n_units
        self.scale = 1 / (1 - dropout_rate) if dropout_rate < 1 else 0.0
        sizes = [idim] + [n_units] * n_layers
        self.prenet = nn.ModuleList(nn.Sequential(nn.Linear(size, out), nn.ReLU()) for size, out in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """x (..., F) → (..., n_units)."""
        for layer in self.prenet:
            x = dropout(layer(x), self.dropout_rate)
        return x

    def draw(self, x: Tensor) -> Tensor:
        """Noise (B, n_layers, n_units) for the rows of x (B, F), drawn as `forward` draws it."""
        ones = x.new_ones(len(x), self.n_units)
        return torch.stack([dropout(ones, self.dropout_rate) for _ in self.prenet], dim=1)

    def with_noise(self, x: Tensor, noise: Tensor) -> Tensor:
        """x (B, F) → (B, n_units), where values with noise below the rate are dropped."""
        for layer, drawn in zip(self.prenet, noise.unbind(1), strict=True):
            x = layer(x) * (drawn >= self.dropout_rate) * self.scale
        return x


class Postnet(nn.Module):
    """Convolutions over frames, all but the last with tanh, that predict what is to be added to features.

    Args:
        idim: not used; the size of the decoder's input.
        odim: F, size of the features.
        n_layers: number of convolutions.
        n_chans: channels between them.
        n_filts: frames that a kernel spans, odd.
        dropout_rate: dropout after each of them.
        use_batch_norm: whether batch normalisation follows each of them.
    """

    def __init__(
        self,
        idim: int,
        odim: int,
        n_layers: int = 5,
        n_chans: int = 512,
        n_filts: int = 5,
        dropout_rate: float = 0.5,
        use_batch_norm: bool = True,
    ):
        super().__init__()
        require_positive(postnet_layers=n_layers)
        require_rates(postnet_dropout_rate=dropout_rate)
        padding = same_padding(n_filts)
        sizes = [odim, *[n_chans] * (n_layers - 1), odim]
        self.postnet = nn.ModuleList()
        for index, (size, out) in enumerate(pairwise(sizes), 1):
            layers: list[nn.Module] = [nn.Conv1d(size, out, n_filts, padding=padding, bias=False)]
            layers += [nn.BatchNorm1d(out)] * use_batch_norm
            layers += [nn.Tanh()] * (index < n_layers)
            self.postnet.append(nn.Sequential(*layers, nn.Dropout(dropout_rate)))

    def forward(self, xs: Tensor, padding: Tensor | None = None) -> Tensor:
        """xs (B, F, T), padding (B, 1, T) bool, True at padded frames → (B, F, T)."""
        for layer in self.postnet:
            xs = layer(xs if padding is None else xs.masked_fill(padding, 0.0))
        return xs
