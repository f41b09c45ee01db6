"""Front end that cuts samples into windows, for a pre-encoder."""

from __future__ import annotations

import torch
from torch import Tensor
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import make_pad_mask, require_positive
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.interface.spec import Axis, Length
from espnet2.layers.frequency import parse_frequency


class SlidingWindow(AbsFrontend):
    """Front end that returns windows of samples.

    Args:
        win_length: samples of a window.
        hop_length: samples from one window to the next.
        channels: channels of the samples.
        padding: without effect, as in upstream.
        fs: sampling rate in Hz; None if the pre-encoder defines it.

    Raises:
        ValueError: a number below 1.
    """

    @typechecked
    def __init__(
        self,
        win_length: int = 400,
        hop_length: int = 160,
        channels: int = 1,
        padding: int | None = None,
        fs: int | str | float | None = None,
    ):
        super().__init__()
        require_positive(win_length=win_length, hop_length=hop_length, channels=channels)
        self.win_length, self.hop_length, self.channels = win_length, hop_length, channels
        self.fs = None if fs is None else round(fs) if isinstance(fs, float) else parse_frequency(fs)
        self.length = Length.conv(win_length, hop_length)
        self.reads = ("samples",) if channels == 1 else ("samples", channels)

    def output_size(self) -> int:
        """Samples of a window."""
        return self.win_length

    def frame_axes(self) -> tuple[Axis, ...]:
        """Channels, and samples of each."""
        return (self.channels, self.win_length)

    def forward(self, input: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N) or (B, N, C) and lengths (B,) to windows (B, T, C, D), zero beyond each utterance, and
        lengths (B,)."""
        samples = input.unflatten(1, (-1, 1)) if input.dim() == 2 else input
        lengths, count = self.length(input_lengths), self.length(samples.shape[1])
        starts = torch.arange(count, device=input.device) * self.hop_length
        windows = samples[:, starts[:, None] + torch.arange(self.win_length, device=input.device)]
        padding = make_pad_mask(lengths, count)[:, :, None, None]
        return windows.transpose(2, 3).masked_fill(padding, 0.0), lengths
