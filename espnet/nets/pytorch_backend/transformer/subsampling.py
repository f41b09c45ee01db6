"""Input layers: map features to the first layer's input, mostly by strided convolutions.

All are called as `layer(x, lengths)` and return the new x, the encodings of relative positions (or None) and the new
lengths, whose formula is the attribute `length`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import by_rows
from espnet.nets.pytorch_backend.state_names import Names, State, rename, upgrade_on_load
from espnet.nets.pytorch_backend.transformer.embedding import (
    NoPositionalEncoding,
    Offset,
    PositionalEncoding,
    Positions,
)
from espnet.nets.pytorch_backend.transformer.strided_convolution import convolve
from espnet2.interface.spec import Length

Embedded = tuple[Tensor, Tensor | None, Tensor]


class TooShortUttError(Exception):
    """An utterance that is too short for subsampling.

    Args:
        message: message for the user.
        actual_size: frames that the utterance has.
        limit: frames that it needs.
    """

    def __init__(self, message: str, actual_size: int, limit: int):
        super().__init__(message)
        self.actual_size = actual_size
        self.limit = limit


def subsample(lengths: Tensor, length: Length) -> Tensor:
    """Lengths (B,) after the layers that `length` describes, 0 for utterances that are too short for them."""
    return length(lengths).clamp(min=0)


class ConvSubsampling(nn.Module):
    """Convolutions without padding, each followed by ReLU; then a linear layer and the positional encoding.

    Releases name the last two layers `out.0` and `out.1`, or `out` and `pos_enc`; `other_names` maps one to the other.

    Args:
        idim: F, size of the features.
        odim: D.
        dropout_rate: dropout of the positional encoding that is made where none is given.
        pos_enc: positional encoding.
    """

    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    out: Any
    other_names: Names = ((r"out\.(?=weight|bias)", "out.0."), (r"pos_enc\.", "out.1."))

    def __init__(self, idim: int, odim: int, dropout_rate: float, pos_enc: Positions | None = None):
        super().__init__()
        steps = zip(self.kernels, self.strides, strict=True)
        self.length = functools.reduce(Length.then, (Length.conv(kernel, stride) for kernel, stride in steps), Length())
        layers: list[nn.Module] = []
        for index, (kernel, stride) in enumerate(zip(self.kernels, self.strides, strict=True)):
            layers += [self.make_conv(idim, odim, kernel, stride, first=index == 0), nn.ReLU()]
        self.conv = nn.Sequential(*layers)
        self.add_output(nn.Linear(self.channels(idim, odim), odim), pos_enc or PositionalEncoding(odim, dropout_rate))
        upgrade_on_load(self)

    def make_conv(self, idim: int, odim: int, kernel: int, stride: int, first: bool) -> nn.Module:
        """Make one of the convolutions."""
        return nn.Conv1d(idim if first else odim, odim, kernel, stride)

    def channels(self, idim: int, odim: int) -> int:
        """Size of a frame after the convolutions."""
        return odim

    def add_output(self, linear: nn.Linear, pos_enc: Positions) -> None:
        """Register the last two layers under upstream's names."""
        self.out = nn.Sequential(linear, pos_enc)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Accept the last two layers under the names of other releases."""
        rename(state, prefix, self.other_names)

    def project(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """Apply the last two layers: x (B, T', C) → (B, T', D), encodings of relative positions or None."""
        linear, positions = self.last_layers()
        return positions.with_positions(by_rows(linear, x), lengths)

    def last_layers(self) -> tuple[nn.Module, Positions]:
        """The last two layers, a linear one and positions."""
        return self.out[0], self.out[1]

    def convolve(self, x: Tensor) -> Tensor:
        """x (B, T, F) → (B, T', C)."""
        return self.conv(x.transpose(1, 2)).transpose(1, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Embedded:
        """x (B, T, F), lengths (B,) → (B, T', D), encodings of relative positions or None, lengths (B,)."""
        lengths = subsample(lengths, self.length)
        return *self.project(self.convolve(x), lengths), lengths


class Conv1dSubsampling1(ConvSubsampling):
    """Two convolutions over time, no stride."""

    kernels = (3, 3)
    strides = (1, 1)


class Conv1dSubsampling2(ConvSubsampling):
    """Half as many frames."""

    kernels = (3, 3)
    strides = (1, 2)


class Conv1dSubsampling3(ConvSubsampling):
    """A third as many frames."""

    kernels = (3, 5)
    strides = (1, 3)


class Conv2dSubsampling(ConvSubsampling):
    """A quarter as many frames; the convolutions run over time and frequency (Dong et al. 2018)."""

    kernels: tuple[int, ...] = (3, 3)
    strides: tuple[int, ...] = (2, 2)

    def make_conv(self, idim: int, odim: int, kernel: int, stride: int, first: bool) -> nn.Module:
        """Make one of the convolutions."""
        return nn.Conv2d(1 if first else odim, odim, kernel, stride)

    def channels(self, idim: int, odim: int) -> int:
        """D times the remaining features."""
        if idim < self.length.shortest():
            raise ValueError(f"{type(self).__name__} needs at least {self.length.shortest()} features, not {idim}")
        return odim * self.length(idim)

    def convolve(self, x: Tensor) -> Tensor:
        """x (B, T, F) → (B, T', D · F')."""
        x = x.unsqueeze(1)
        if len(self.strides) > 1 and min(self.strides[1:]) > 1:
            return (
                convolve(x, [layer for layer in self.conv if isinstance(layer, nn.Conv2d)]).transpose(2, 3).flatten(2)
            )
        return self.conv(x).transpose(1, 2).contiguous().flatten(2)


class Conv2dSubsampling1(Conv2dSubsampling):
    """As many frames as before, less the edges."""

    strides = (1, 1)


class Conv2dSubsampling2(Conv2dSubsampling):
    """Half as many frames."""

    strides = (2, 1)


class Conv2dSubsampling6(Conv2dSubsampling):
    """A sixth as many frames."""

    kernels = (3, 5)
    strides = (2, 3)


class Conv2dSubsampling8(Conv2dSubsampling):
    """An eighth as many frames."""

    kernels = (3, 3, 3)
    strides = (2, 2, 2)
    other_names = ((r"out\.0\.", "out."), (r"out\.1\.", "pos_enc."))

    def add_output(self, linear: nn.Linear, pos_enc: Positions) -> None:
        """Register the last two layers under upstream's names."""
        self.out = linear
        self.pos_enc = pos_enc

    def last_layers(self) -> tuple[nn.Module, Positions]:
        """The last two layers, a linear one and positions."""
        return self.out, self.pos_enc


class Conv2dSubsamplingWOPosEnc(Conv2dSubsampling):
    """Convolutions over time and frequency, without positions.

    Args:
        idim: F, size of the features.
        odim: D.
        dropout_rate: without effect.
        kernels, strides: of the convolutions.
    """

    other_names = ()

    def __init__(self, idim: int, odim: int, dropout_rate: float, kernels: Sequence[int], strides: Sequence[int]):
        self.kernels = tuple(kernels)
        self.strides = tuple(strides)
        super().__init__(idim, odim, dropout_rate, NoPositionalEncoding(odim, dropout_rate))

    def add_output(self, linear: nn.Linear, pos_enc: Positions) -> None:
        """Register the last layer under upstream's name."""
        self.out = linear

    def project(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | None]:
        """Apply the last layer: x (B, T', C) → (B, T', D), None."""
        return by_rows(self.out, x), None


class FrameInput(nn.ModuleList):
    """Layers that keep every frame, the last of which is the positional encoding."""

    length = Length()

    @property
    def positions(self) -> Positions:
        """The positional encoding."""
        positions = self[-1]
        assert isinstance(positions, Positions)
        return positions

    def features(self, x: Tensor) -> Tensor:
        """All layers but the positional encoding: (B, T, F) → (B, T, D)."""
        for layer in list(self)[:-1]:
            x = layer(x)
        return x

    def at(self, x: Tensor, offset: Offset) -> Tensor:
        """Embed frames x (B, T, F), the first of which has position `offset`: → (B, T, D)."""
        return self.positions(self.features(x), offset)

    def forward(self, x: Tensor, lengths: Tensor) -> Embedded:
        """x (B, T, F), or (B, T) int64 for tokens, lengths (B,) → (B, T, D), encodings or None, lengths."""
        return *self.positions.with_positions(self.features(x), lengths), lengths


class BareInput(nn.Module):
    """Linear layer without positions, whose parameters have no prefix in checkpoints."""

    length = Length()

    def __init__(self, idim: int, odim: int):
        super().__init__()
        linear = nn.Linear(idim, odim)
        self.weight = linear.weight
        self.bias = linear.bias

    def forward(self, x: Tensor, lengths: Tensor) -> Embedded:
        """x (B, T, F), lengths (B,) → (B, T, D), None, lengths."""
        return by_rows(lambda rows: nn.functional.linear(rows, self.weight, self.bias), x), None, lengths


InputLayer = ConvSubsampling | FrameInput | BareInput
MakeInput = Callable[[int, int, float, Positions], InputLayer]


def linear_input(idim: int, odim: int, dropout_rate: float, pos_enc: Positions, relu: bool = False) -> FrameInput:
    """Linear layer and layer normalisation, with ReLU where `relu`."""
    layers = [nn.Linear(idim, odim), nn.LayerNorm(odim), nn.Dropout(dropout_rate)]
    return FrameInput([*layers, nn.ReLU(), pos_enc] if relu else [*layers, pos_enc])


def token_input(
    idim: int, odim: int, dropout_rate: float, pos_enc: Positions, padding_idx: int | None = -1
) -> FrameInput:
    """Embedding of `idim` tokens, of which `padding_idx` is not trained."""
    return FrameInput([nn.Embedding(idim, odim, padding_idx=padding_idx), pos_enc])


def positions_input(idim: int, odim: int, dropout_rate: float, pos_enc: Positions) -> FrameInput:
    """The positional encoding alone, for features that have the stack's size already."""
    if idim != odim:
        raise ValueError(f"without an input layer, the features' size {idim} has to be the stack's size {odim}")
    return FrameInput([pos_enc])


def bare_input(idim: int, odim: int, dropout_rate: float, pos_enc: Positions) -> InputLayer:
    """No positions; a linear layer if the sizes differ, otherwise nothing."""
    return FrameInput([NoPositionalEncoding(odim, dropout_rate)]) if idim == odim else BareInput(idim, odim)


INPUT_LAYERS: Mapping[str | None, MakeInput] = {
    "conv2d": Conv2dSubsampling,
    "conv2d1": Conv2dSubsampling1,
    "conv2d2": Conv2dSubsampling2,
    "conv2d6": Conv2dSubsampling6,
    "conv2d8": Conv2dSubsampling8,
    "conv1d1": Conv1dSubsampling1,
    "conv1d2": Conv1dSubsampling2,
    "conv1d3": Conv1dSubsampling3,
    "linear": linear_input,
    "embed": token_input,
    None: positions_input,
}


def check_short_utt(ins: InputLayer, size: int) -> tuple[bool, int]:
    """Whether `size` frames are too few for input layer `ins`, and how many it needs (-1 where they are enough)."""
    limit = ins.length.shortest()
    return (True, limit) if size < limit else (False, -1)
