"""Sinc convolutions: band-pass filters with learned edges (Ravanelli and Bengio 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import choose, require_positive

LOWEST = 30.0  # Hz, lower edge of the lowest band on the mel scale
LOWEST_CENTRE = 70.0  # Hz, middle of the lowest band on the Bark scale
HIGHEST_CENTRE = 0.45  # of the sampling rate, middle of the highest band on the Bark scale


class LogCompression(nn.Module):
    """log(1 + |x|)."""

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape → the same shape."""
        return torch.log(x.abs() + 1.0)


class MelScale:
    """Mel scale: 1125 ln(1 + f / 700)."""

    @staticmethod
    def convert(f: Tensor | float) -> Tensor:
        """Hz to mel."""
        return 1125.0 * torch.log(torch.as_tensor(f) / 700.0 + 1.0)

    @staticmethod
    def invert(x: Tensor | float) -> Tensor:
        """Mel to Hz."""
        return 700.0 * (torch.exp(torch.as_tensor(x) / 1125.0) - 1.0)

    @classmethod
    def bank(cls, channels: int, fs: float) -> Tensor:
        """Lower and upper edges (channels, 2), in Hz, of bands that overlap by half."""
        first, last = cls.convert(torch.tensor([LOWEST, fs / 2])).tolist()
        edges = cls.invert(torch.linspace(first, last, channels + 2))
        return torch.stack([edges[:-2], edges[2:]], dim=1)


class BarkScale:
    """Bark scale by critical bandwidths: 25 + 75 (1 + 1.4 (f / kHz)²)^0.69 (Zwicker and Terhardt 1980)."""

    @staticmethod
    def convert(f: Tensor | float) -> Tensor:
        """Frequency to critical bandwidth, both in Hz."""
        return 25.0 + 75.0 * (1.0 + 1.4 * (torch.as_tensor(f) / 1000.0) ** 2) ** 0.69

    @staticmethod
    def invert(x: Tensor | float) -> Tensor:
        """Critical bandwidth to its frequency, both in Hz."""
        return 1000.0 * ((((torch.as_tensor(x) - 25.0) / 75.0) ** (1.0 / 0.69) - 1.0) / 1.4).sqrt()

    @classmethod
    def bank(cls, channels: int, fs: float) -> Tensor:
        """Lower and upper edges (channels, 2), in Hz, of bands of critical bandwidth."""
        first, last = cls.convert(torch.tensor([LOWEST_CENTRE, HIGHEST_CENTRE * fs])).tolist()
        widths = torch.linspace(first, last, channels)
        return torch.stack([cls.invert(widths) - widths / 2, cls.invert(widths) + widths / 2], dim=1)


SCALES: dict[str, type[MelScale] | type[BarkScale]] = {"mel": MelScale, "bark": BarkScale}


class SincConv(nn.Module):
    """Band-pass filters over samples.

    The parameter `f` (out_channels, 2) holds edges of the bands as parts of the sampling rate. A band starts at |f1|
    and is |f2 - f1| wide.

    Args:
        in_channels: channels, among which the filters are divided.
        out_channels: filters.
        kernel_size: samples of a filter, an odd number.
        stride, padding, dilation: as of a convolution.
        window_func: `hamming` or `none`.
        scale_type: one of `SCALES`, on which the bands are spaced equally before training.
        fs: Hz.

    Raises:
        ValueError: an unknown name, a number out of range, or `out_channels` that is no multiple of `in_channels`.
    """

    distance: Tensor
    window: Tensor

    @typechecked
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        window_func: str = "hamming",
        scale_type: str = "mel",
        fs: int | float = 16000,
    ):
        super().__init__()
        require_positive(in_channels=in_channels, out_channels=out_channels, stride=stride, dilation=dilation)
        if out_channels % in_channels:
            raise ValueError(f"out_channels: expected a multiple of in_channels {in_channels}, found {out_channels}")
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: expected an odd number, found {kernel_size}")
        if fs <= 0:
            raise ValueError(f"fs: expected a positive number, found {fs}")
        windows = {"hamming": self.hamming_window, "none": self.none_window}
        make_window, self.scale = choose("window_func", window_func, windows), choose("scale_type", scale_type, SCALES)
        self.in_channels, self.out_channels, self.fs = in_channels, out_channels, float(fs)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.register_buffer("distance", (torch.arange(kernel_size) - kernel_size // 2).abs().float(), persistent=False)
        half = make_window(torch.arange(1.0, kernel_size // 2 + 1))
        self.register_buffer("window", torch.cat([half.flip(0), torch.ones(1), half]), persistent=False)
        self.f = nn.Parameter(torch.empty(out_channels, 2))
        self.init_filters()

    @staticmethod
    def sinc(x: Tensor) -> Tensor:
        """sin(x) / x, 1 at 0."""
        return torch.sinc(x / math.pi)

    @staticmethod
    def none_window(x: Tensor) -> Tensor:
        """The right half of a rectangular window, for samples x (N,) after the middle one."""
        return torch.ones_like(x)

    @staticmethod
    def hamming_window(x: Tensor) -> Tensor:
        """The right half of a Hamming window of 2 N + 1 samples, for samples x = 1, 2, ..., N after the middle one; as
        upstream computes it, half a sample too wide."""
        return 0.54 + 0.46 * torch.cos(2.0 * math.pi * (x - 0.5) / (2 * len(x) + 1))

    def init_filters(self) -> None:
        """Space the bands equally on the scale."""
        with torch.no_grad():
            self.f.copy_(self.scale.bank(self.out_channels, self.fs) / self.fs)

    def filters(self) -> Tensor:
        """(out_channels, 1, kernel_size): differences of two low passes."""
        low = self.f[:, :1].abs()
        high = low + (self.f[:, 1:] - self.f[:, :1]).abs()
        passes = [2.0 * edge * torch.sinc(2.0 * edge * self.distance) for edge in (high, low)]
        return ((passes[0] - passes[1]) * self.window).unsqueeze(1)

    def forward(self, xs: Tensor) -> Tensor:
        """xs (B, in_channels, N) → (B, out_channels, N')."""
        sizes = (self.stride, self.padding, self.dilation, self.in_channels)
        return nn.functional.conv1d(xs, self.filters(), None, *sizes)

    def get_odim(self, idim: int) -> int:
        """N' for N = `idim`."""
        reach = self.dilation * (self.kernel_size - 1)
        return (idim + 2 * self.padding - reach - 1) // self.stride + 1
