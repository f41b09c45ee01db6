"""Modules that each break one consideration for exportable code; the line at fault ends in `# here`."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

SIZE = 4
FRAMES = ("batch", "frames", SIZE)
LENGTHS = {"axes": ("batch",), "dtype": "int64", "length_of": "frames"}
X = {"x": FRAMES}
XL = {"x": FRAMES, "lengths": LENGTHS}
CACHE = {"x": ("batch", "new", SIZE), "cache": ("batch", "past", SIZE)}


class Scaled(nn.Module):
    """Multiplied by a weight, as every model has one."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.5))


class BranchOnValue(Scaled):
    def forward(self, x):
        if x.sum() > 0:  # here
            return x * self.weight
        return x - self.weight


class AssertOnValue(Scaled):
    def forward(self, x, lengths):
        assert lengths.max() == x.size(1)  # here
        return x * self.weight


class Item(Scaled):
    def forward(self, x, lengths):
        longest = lengths.max().item()  # here
        return x[:, :longest] * self.weight


class ToList(Scaled):
    def forward(self, x, lengths):
        mask = torch.ones(x.shape[:2])
        for row, length in enumerate(lengths.tolist()):  # here
            mask[row, length:] = 0
        return x * mask[..., None] * self.weight


class IntOfTensor(Scaled):
    def forward(self, x, lengths):
        longest = int(lengths.max())  # here
        return x[:, :longest] * self.weight


class NumberFromTensor(Scaled):
    def forward(self, x):
        scale = math.sqrt(x.abs().max())  # here
        return x * scale * self.weight


class NoneCache(Scaled):
    def forward(self, x, cache=None):
        y = x * self.weight if cache is None else x + cache[:, -1:]  # here
        return y, y if cache is None else torch.cat([cache, y], dim=1)


class ListOfFrames(Scaled):
    def forward(self, x):
        state, states = torch.zeros_like(x[:, 0]), []
        for frame in range(x.size(1)):  # here
            state = state * self.weight + x[:, frame]
            states.append(state)
        return torch.stack(states, dim=1)


class IteratesOverTensor(Scaled):
    def forward(self, x, lengths):
        rows = [row * self.weight for row in x]  # here
        return torch.stack(rows)


class InPlace(Scaled):
    def forward(self, x):
        x[:, 0] = 0  # here
        return x * self.weight


def make_mask(lengths, xs, dim):
    longest = max(lengths.tolist())
    assert longest == xs.size(dim)
    return torch.arange(longest) >= lengths[:, None]


class MaskWithReference(Scaled):
    def forward(self, x, lengths):
        mask = make_mask(lengths, x, 1)  # here
        return (x * self.weight).masked_fill(mask[..., None], 0.0)


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(SIZE, SIZE, batch_first=True)

    def forward(self, x, lengths):
        packed = self.rnn(pack_padded_sequence(x, lengths.cpu(), batch_first=True))[0]  # here
        return pad_packed_sequence(packed, batch_first=True)[0]


class PositionTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("pe", torch.randn(1, 50, SIZE))

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]  # here


class PositionEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.positions = nn.Embedding(50, SIZE)

    def forward(self, x):
        return x + self.positions(torch.arange(x.size(1)))  # here


class BatchFrozen(Scaled):
    def forward(self, x):
        return (x + torch.zeros(2, 1, SIZE)) * self.weight  # here


class TimeFrozen(Scaled):
    def forward(self, x):
        window = torch.hann_window(int(x.size(1)))  # here
        return x * window[:, None] * self.weight


class PaddingLeaks(Scaled):
    def forward(self, x, lengths):
        return x - x.mean(dim=1, keepdim=True) * self.weight, lengths  # here


class InfiniteMask(Scaled):
    def forward(self, x, lengths):
        valid = torch.arange(x.size(1)) < lengths[:, None]
        scores = (x @ x.transpose(1, 2)) * self.weight
        allowed = valid[:, :, None] & valid[:, None, :]
        weights = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)  # here
        return weights @ x


class NumpyCall(Scaled):
    def forward(self, x):
        return x * torch.from_numpy(np.abs(x.detach().numpy())) * self.weight  # here


class Doubles(Scaled):
    def forward(self, x):
        return x.double().cumsum(dim=1) * self.weight  # here


class DataDependentSize(Scaled):
    def forward(self, x):
        return x[x.abs().sum(dim=-1) > 2] * self.weight  # here


class DropoutLeftOn(Scaled):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5) * self.weight  # here


class RandomNumbers(Scaled):
    def forward(self, x):
        return x * self.weight + torch.randn_like(x)  # here


class KeywordOnly(Scaled):
    def forward(self, x, *, lengths):  # here
        return x * self.weight, lengths


class Unsupported(Scaled):
    def forward(self, x):
        return torch.linalg.qr(x).Q * self.weight  # here


class SpecialCaseOfOne(Scaled):
    def forward(self, x):
        if x.size(1) == 1:  # here
            return x - self.weight
        return x * self.weight


class BranchOnSize(Scaled):
    def forward(self, x):
        if x.size(1) > 20:  # here
            return x - self.weight
        return x * self.weight


class StateOfModule(Scaled):
    def forward(self, x):
        self.last = x[:, -1:] * self.weight  # here
        return x + self.last


class Layered(nn.Module):
    """A module whose sin lies in a method of one of its layers."""

    def __init__(self):
        super().__init__()
        self.scales = nn.ModuleList([Scaled(), LoudestFrame()])

    def forward(self, x):
        return self.scales[1](x) * self.scales[0].weight


class LoudestFrame(Scaled):
    def forward(self, x):
        return x * self.loudness(x)

    def loudness(self, x):
        return x.abs().max().item() + 1.0  # here


CASES = [
    (BranchOnValue, X, "branch_on_value"),
    (AssertOnValue, XL, "branch_on_value"),
    (Item, XL, "item"),
    (ToList, XL, "tolist"),
    (IntOfTensor, XL, "int_of_tensor"),
    (NumberFromTensor, X, "number_from_tensor"),
    (NoneCache, CACHE, "none_cache"),
    (ListOfFrames, X, "loop_over_axis"),
    (IteratesOverTensor, XL, "loop_over_axis"),
    (InPlace, X, "in_place"),
    (MaskWithReference, XL, "mask_with_reference"),
    (Packed, XL, "packed_sequence"),
    (PositionTable, X, "position_table"),
    (PositionEmbedding, X, "position_table"),
    (BatchFrozen, X, "batch_frozen"),
    (TimeFrozen, X, "time_frozen"),
    (PaddingLeaks, XL, "padding_leaks"),
    (InfiniteMask, XL, "infinite_mask"),
    (NumpyCall, X, "numpy_call"),
    (Doubles, X, "double_precision"),
    (DataDependentSize, X, "data_dependent_size"),
    (DropoutLeftOn, X, "random_numbers"),
    (RandomNumbers, X, "random_numbers"),
    (KeywordOnly, XL, "keyword_only"),
    (Unsupported, X, "unsupported_operator"),
    (SpecialCaseOfOne, X, "branch_on_size"),
    (BranchOnSize, X, "branch_on_size"),
    (StateOfModule, X, "state_of_module"),
    (Layered, X, "item"),
]
