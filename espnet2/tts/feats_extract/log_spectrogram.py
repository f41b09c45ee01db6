"""Logarithms of the magnitudes of the short-time Fourier transform."""

from __future__ import annotations

import torch

from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram


class LogSpectrogram(LinearSpectrogram):
    """Logarithms to base 10; the options are those of `Stft`, in samples."""

    def scaled(self, magnitudes: torch.Tensor) -> torch.Tensor:
        return magnitudes.log10()
