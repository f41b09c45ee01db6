"""Modules that break a consideration in a less obvious form: in views, closures, formats, layers and constants."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn
from unexportable_modules import SIZE, XL, Scaled, X


class Flag(Scaled):
    def forward(self, x):
        loud = (x > 0).all()
        if loud:  # here
            x = x * 2
        return x * self.weight


class CountedFrames(Scaled):
    def forward(self, x, lengths):
        total = torch.zeros_like(x[:, 0])
        for frame in range(lengths.max()):  # here
            total = total + x[:, frame] * self.weight
        return total


class CutAtLongest(Scaled):
    def forward(self, x, lengths):
        return x[:, : lengths.max()] * self.weight  # here


class ThroughView(Scaled):
    def forward(self, x):
        flat = x.view(-1, SIZE)
        flat.clamp_(min=0)  # here
        return x * self.weight


class FillsPadding(Scaled):
    def forward(self, x, lengths):
        padding = torch.arange(x.size(1)) >= lengths[:, None]
        x.masked_fill_(padding[..., None], 0.0)  # here
        return x * self.weight


class RunningMean(Scaled):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(SIZE))

    def forward(self, x):
        self.mean.mul_(0.9).add_(x.mean((0, 1)), alpha=0.1)  # here
        return x * self.weight - self.mean


class ListOfCalls(Scaled):
    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.mean())  # here
        return x * self.weight + self.seen[0]


class BatchOfConstructor(Scaled):
    def __init__(self):
        super().__init__()
        self.register_buffer("start", torch.zeros(8, 1, SIZE))

    def forward(self, x):
        return x * self.weight + self.start  # here


class LongTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(5000, SIZE))

    def forward(self, x):
        return x + self.table[: x.shape[1]]  # here


class OddLengths(Scaled):
    def forward(self, x):
        rest = x.size(1) % 2
        if rest:  # here
            x = nn.functional.pad(x, (0, 0, 0, 1))
        return x * self.weight


class Valid(Scaled):
    def forward(self, x, lengths):
        valid = torch.arange(x.size(1)) < lengths[:, None]
        return x[valid] * self.weight  # here


class StatisticsOfBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(SIZE)

    def forward(self, x):
        y = x.transpose(1, 2)
        return nn.functional.batch_norm(y, None, None, self.norm.weight, self.norm.bias, training=True)  # here


class LengthsIgnored(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(SIZE, SIZE, batch_first=True, bidirectional=True)

    def forward(self, x, lengths):
        return self.rnn(x)[0], lengths  # here


class Spectrum(Scaled):
    def forward(self, x):
        return torch.fft.fft(x * self.weight, dim=1)  # here


class LoudestOfBatch(Scaled):
    def forward(self, x):
        return self.weight * x / x.abs().max()  # here


class SoftmaxOverBatch(Scaled):
    def forward(self, x):
        return torch.softmax(x, dim=0) * self.weight  # here


class FormatsValue(Scaled):
    def forward(self, x, lengths):
        return x * self.weight * float(f"{lengths.float().mean():.3f}")  # here


class HalfOfFrames(Scaled):
    def forward(self, x):
        half = int(x.size(1) * 0.5)  # here
        return x[:, :half] * self.weight


class ChoosesBySize(Scaled):
    def forward(self, x):
        function = [torch.sin, torch.cos][x.size(1) > 11]  # here
        return function(x) * self.weight


class PairsOfLengths(Scaled):
    def forward(self, x, lengths):
        sums = [frames[:length].sum(0) for frames, length in zip(x, lengths, strict=True)]  # here
        return torch.stack(sums) * self.weight


class NamedOtherwise(Scaled):
    def forward(self, x):
        return torch.linalg.eigvalsh(x[..., :, None] * x[..., None, :]) * self.weight  # here


class DoubleConstant(Scaled):
    def __init__(self):
        super().__init__()
        self.window = torch.from_numpy(np.hanning(SIZE))

    def forward(self, x):
        return x * self.weight * self.window  # here


class NarrowedTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(1000, SIZE))

    def forward(self, x):
        return x + self.table.narrow(0, 0, x.size(1))  # here


class PythonsRandom(Scaled):
    def forward(self, x):
        return x * self.weight * random.random()  # here


CASES = [
    (Flag, X, "branch_on_value"),
    (CountedFrames, XL, "loop_over_axis"),
    (CutAtLongest, XL, "number_from_tensor"),
    (ThroughView, X, "in_place"),
    (FillsPadding, XL, "in_place"),
    (RunningMean, X, "state_of_module"),
    (ListOfCalls, X, "state_of_module"),
    (BatchOfConstructor, X, "batch_frozen"),
    (LongTable, X, "position_table"),
    (OddLengths, X, "branch_on_size"),
    (Valid, XL, "data_dependent_size"),
    (StatisticsOfBatch, X, "batch_statistics"),
    (LengthsIgnored, XL, "padding_leaks"),
    (Spectrum, X, "complex_numbers"),
    (LoudestOfBatch, X, "batch_statistics"),
    (SoftmaxOverBatch, X, "batch_statistics"),
    (FormatsValue, XL, "item"),
    (HalfOfFrames, X, "time_frozen"),
    (ChoosesBySize, X, "branch_on_size"),
    (PairsOfLengths, XL, "loop_over_axis"),
    (NamedOtherwise, X, "unsupported_operator"),
    (DoubleConstant, X, "double_precision"),
    (NarrowedTable, X, "position_table"),
    (PythonsRandom, X, "random_numbers"),
]
