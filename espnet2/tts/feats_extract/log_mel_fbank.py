"""Log-mel features of magnitudes."""

from __future__ import annotations

import math
from typing import Any

import torch
from typeguard import typechecked

from espnet2.layers.frequency import parse_frequency
from espnet2.layers.log_mel import LogMel
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram


class LogMelFbank(LinearSpectrogram):
    """Logarithms of mel filter bank outputs.

    Args:
        fs: sampling rate in Hz, or text such as "16k".
        n_fft, win_length, hop_length, window, center, normalized, onesided: those of `Stft`.
        n_mels, fmin, fmax, htk, log_base: those of `LogMel`.

    Raises:
        ValueError: `onesided` False, whose spectrum the mel filters do not fit.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str = 16000,
        n_fft: int = 1024,
        win_length: int | None = None,
        hop_length: int = 256,
        window: str | None = "hann",
        center: bool = True,
        normalized: bool = False,
        onesided: bool = True,
        n_mels: int = 80,
        fmin: int | None = 80,
        fmax: int | None = 7600,
        htk: bool = False,
        log_base: float | None = 10.0,
    ):
        super().__init__(n_fft, win_length, hop_length, window, center, normalized, onesided)
        if not onesided:
            raise ValueError("onesided: expected true, found false, whose spectrum the mel filters do not fit")
        self.fs = parse_frequency(fs)
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.log_base = log_base
        self.htk = htk
        self.logmel = LogMel(self.fs, n_fft, n_mels, fmin, fmax, htk, log_base)

    def output_size(self) -> int:
        return self.n_mels

    def get_parameters(self) -> dict[str, Any]:
        band = {"fs": self.fs, "n_mels": self.n_mels, "fmin": self.fmin, "fmax": self.fmax}
        return {**super().get_parameters(), **band}

    def inversion(self) -> dict[str, Any]:
        base = math.e if self.log_base is None else self.log_base
        return {**self.get_parameters(), "htk": self.htk, "log_base": base}

    def scaled(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Log-mel features (B, T, n_mels) of magnitudes (B, T, bins)."""
        return self.logmel(magnitudes)[0]
