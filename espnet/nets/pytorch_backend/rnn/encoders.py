"""Recurrent encoders with and without projections, and the convolutions of VGG networks before them.

All modules are called as `module(xs, lengths, prev_state)` and return the new xs, the new lengths and the state; the
attribute `length` is the formula of lengths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet.nets.pytorch_backend.rnn.ragged import run_ragged
from espnet2.interface.spec import Length

CELLS: dict[str, Callable[..., nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU}
HALF = Length(((1, 2, 0),))  # rounded up


def make_cell(typ: str, idim: int, cdim: int, **options: Any) -> tuple[nn.RNNBase, int]:
    """Make layers of type `typ` (`lstm`, `gru`, with `b` before it for two directions); returns their output size
    too."""
    bidirectional = typ.startswith("b")
    cell = CELLS[typ.removeprefix("b")](idim, cdim, batch_first=True, bidirectional=bidirectional, **options)
    return cell, cdim * (1 + bidirectional)


def run_after(rnn: Any, xs: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Call `run_ragged` with the previous state; the backward direction starts from zeros."""
    if state is not None and rnn.bidirectional:
        forward = torch.tensor([1.0, 0.0]).repeat(rnn.num_layers)[:, None, None]
        state = tree_map(lambda part: part * forward.to(part), state)
    return run_ragged(rnn, xs, lengths, state)


class RNNP(nn.Module):
    """Recurrent layers, each followed by subsampling and a projection (Chan et al. 2016).

    Args:
        idim: F.
        elayers: number of layers.
        cdim: S, size of a layer in each direction.
        hdim: D, size of the projections.
        subsample: layer i keeps one of every `subsample[i]` frames.
        dropout: dropout between layers, in training.
        typ: as for `make_cell`.
    """

    def __init__(
        self,
        idim: int,
        elayers: int,
        cdim: int,
        hdim: int,
        subsample: Sequence[int],
        dropout: float,
        typ: str = "blstm",
    ):
        super().__init__()
        self.dropout = dropout
        self.strides = tuple(subsample[:elayers])
        self.names = [("birnn" if typ.startswith("b") else "rnn") + str(layer) for layer in range(elayers)]
        for layer, name in enumerate(self.names):
            cell, size = make_cell(typ, idim if layer == 0 else hdim, cdim)
            self.add_module(name, cell)
            self.add_module(f"bt{layer}", nn.Linear(size, hdim))
        self.lengths = [Length(((1, stride, 0),)) if stride > 1 else Length() for stride in self.strides]
        self.length = functools.reduce(Length.then, self.lengths, Length())

    def forward(self, xs: Tensor, lengths: Tensor, prev_state: Any = None) -> tuple[Tensor, Tensor, list[Any]]:
        """xs (B, T, F), lengths (B,) → (B, T', D), lengths (B,), and the state of every layer."""
        states = []
        for layer, (name, length) in enumerate(zip(self.names, self.lengths, strict=True)):
            if layer:
                xs = nn.functional.dropout(torch.tanh(xs), self.dropout, self.training)
            previous = None if prev_state is None else prev_state[layer]
            xs, state = run_after(self.get_submodule(name), xs, lengths, previous)
            states.append(state)
            xs = xs[:, :: self.strides[layer]][:, : length(xs.shape[1])]
            xs, lengths = self.get_submodule(f"bt{layer}")(xs), length(lengths)
        return xs, lengths, states


class RNN(nn.Module):
    """Recurrent layers without projections in between, and a linear layer with tanh at the end.

    Args:
        idim: F.
        elayers: number of layers.
        cdim: S, size of a layer in each direction.
        hdim: D.
        dropout: dropout between layers.
        typ: as for `make_cell`.
    """

    length = Length()

    def __init__(self, idim: int, elayers: int, cdim: int, hdim: int, dropout: float, typ: str = "blstm"):
        super().__init__()
        options = {"num_layers": elayers, "dropout": dropout if elayers > 1 else 0.0}
        self.nbrnn, size = make_cell(typ, idim, cdim, **options)
        self.l_last = nn.Linear(size, hdim)

    def forward(self, xs: Tensor, lengths: Tensor, prev_state: Any = None) -> tuple[Tensor, Tensor, Any]:
        """xs (B, T, F), lengths (B,) → (B, T, D), lengths (B,), state."""
        xs, state = run_after(self.nbrnn, xs, lengths, prev_state)
        return torch.tanh(self.l_last(xs)), lengths, state


class VGG2L(nn.Module):
    """Two blocks of two convolutions and a maximum over two by two (Simonyan and Zisserman 2015; Hori et al. 2017).

    Args:
        idim: F.
        in_channel: channels that the features consist of, one behind the other.
    """

    length = HALF.then(HALF)

    def __init__(self, idim: int, in_channel: int = 1):
        super().__init__()
        if idim % in_channel:
            raise ValueError(f"in_channel: expected a divisor of the {idim} features, found {in_channel}")
        self.in_channel = in_channel
        self.conv1_1 = nn.Conv2d(in_channel, 64, 3, padding=1)
        self.conv1_2 = nn.Conv2d(64, 64, 3, padding=1)
        self.conv2_1 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv2_2 = nn.Conv2d(128, 128, 3, padding=1)
        self.odim = 128 * self.length(idim // in_channel)

    def forward(self, xs: Tensor, lengths: Tensor, prev_state: Any = None) -> tuple[Tensor, Tensor, None]:
        """xs (B, T, F), lengths (B,) → (B, T / 4, 32 F) rounded up, lengths (B,), None."""
        xs = xs.unflatten(2, (self.in_channel, -1)).transpose(1, 2)
        for convolutions in ((self.conv1_1, self.conv1_2), (self.conv2_1, self.conv2_2)):
            padding = make_pad_mask(lengths, xs.shape[2])[:, None, :, None]
            xs = xs.masked_fill(padding, 0.0)
            for convolution in convolutions:
                # Padding is zero, as at the end of a single utterance, and never exceeds a maximum of ReLUs.
                xs = convolution(xs).relu().masked_fill(padding, 0.0)
            xs = nn.functional.max_pool2d(xs, 2, stride=2, ceil_mode=True)
            lengths = HALF(lengths)
        return xs.transpose(1, 2).flatten(2), lengths, None
