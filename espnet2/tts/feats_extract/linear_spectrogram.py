"""Magnitudes of the short-time Fourier transform."""

from __future__ import annotations

from typing import Any

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths
from espnet2.layers.global_mvn import zero_padding
from espnet2.layers.stft import Stft
from espnet2.tts.feats_extract.abs_feats_extract import AbsFeatsExtract

POWER_FLOOR = 1e-10


class LinearSpectrogram(AbsFeatsExtract):
    """Magnitudes; the options are those of `Stft`, in samples."""

    @typechecked
    def __init__(
        self,
        n_fft: int = 1024,
        win_length: int | None = None,
        hop_length: int = 256,
        window: str | None = "hann",
        center: bool = True,
        normalized: bool = False,
        onesided: bool = True,
    ):
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.stft = Stft(n_fft, win_length, hop_length, window, center, normalized, onesided)

    def output_size(self) -> int:
        return self.stft.bins

    def get_parameters(self) -> dict[str, Any]:
        return {
            "n_fft": self.n_fft,
            "n_shift": self.hop_length,
            "win_length": self.win_length,
            "window": self.window,
        }

    def inversion(self) -> dict[str, Any]:
        """Arguments of `espnet2.utils.griffin_lim.Spectrogram2Waveform`, which makes samples of these features."""
        return self.get_parameters()

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples (B, N) → (B, T, bins), zeros behind each utterance, and frames (B,)."""
        lengths = full_lengths(input) if input_lengths is None else input_lengths
        magnitudes = self.stft.power(self.stft.pad(input, lengths)).clamp(min=POWER_FLOOR).sqrt()
        return zero_padding(self.scaled(magnitudes), self.stft.length(lengths))

    def scaled(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Features of magnitudes (B, T, bins)."""
        return magnitudes
