"""Logarithms of the magnitudes of the short-time Fourier transform."""

from __future__ import annotations

from typing import Any

import torch

from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram


class LogSpectrogram(LinearSpectrogram):
    """Logarithms to base 10; the options are those of `Stft`, in samples."""

    def inversion(self) -> dict[str, Any]:
        return {**super().inversion(), "log_base": 10.0}

    def scaled(self, magnitudes: torch.Tensor) -> torch.Tensor:
        return magnitudes.log10()
