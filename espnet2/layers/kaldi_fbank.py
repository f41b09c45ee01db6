"""Kaldi's log-mel filter bank features (Povey et al. 2011), as one strided convolution and a matrix product."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from espnet2.interface.spec import Length

SAMPLE_RATE = 16000  # Hz
WINDOW, HOP, FFT = 400, 160, 512  # 25 ms and 10 ms
LOWEST = 20.0  # Hz
PREEMPHASIS = 0.97
SCALE = 32768.0  # scale to the range of 16-bit integers
FLOOR = float(np.finfo(np.float32).eps)


class KaldiFbank(nn.Module):
    """Kaldi's log-mel filter bank between 20 Hz and 8 kHz, for samples between -1 and 1.

    Mean subtraction, pre-emphasis, Povey's window and the Fourier transform are one linear map.

    Args:
        n_mels: F.
    """

    basis: Tensor
    filters: Tensor

    def __init__(self, n_mels: int):
        super().__init__()
        self.length = Length.conv(WINDOW, HOP)
        self.register_buffer("basis", torch.from_numpy(_basis()).unsqueeze(1), persistent=False)
        self.register_buffer("filters", _filters(n_mels), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (B, N) → (B, T, F)."""
        spectrum = nn.functional.conv1d(samples.unsqueeze(1), self.basis, stride=HOP)
        real, imaginary = spectrum.chunk(2, dim=1)
        power = (real * real + imaginary * imaginary).transpose(1, 2)
        return torch.matmul(power, self.filters).clamp(min=FLOOR).log()


def _basis() -> np.ndarray:
    """Basis of that linear map: cosines, then sines, (2 * bins, WINDOW) float32."""
    centring = np.eye(WINDOW) - 1.0 / WINDOW
    emphasis = np.eye(WINDOW) - PREEMPHASIS * np.eye(WINDOW, k=-1)
    emphasis[0, 0] = 1.0 - PREEMPHASIS
    time = np.arange(WINDOW)
    povey = (0.5 - 0.5 * np.cos(2.0 * math.pi * time / (WINDOW - 1))) ** 0.85
    angle = np.outer(np.arange(FFT // 2), time) % FFT * (2.0 * math.pi / FFT)
    transform = np.concatenate([np.cos(angle), np.sin(angle)]) * povey
    return (SCALE * transform @ emphasis @ centring).astype(np.float32)


def _mel(hz: float) -> float:
    return 1127.0 * math.log1p(hz / 700.0)


def _filters(n_mels: int) -> Tensor:
    """Triangular filters equally spaced in mel: (bins, n_mels) float32; the highest bin is not used.

    Computed in float32, which changes the weights of narrow filters by thousandths, since models were trained with
    that.
    """
    low, high = _mel(LOWEST), _mel(SAMPLE_RATE / 2)
    step, edge = (high - low) / (n_mels + 1), torch.arange(n_mels, dtype=torch.float32)
    left, centre, right = (low + (edge + index) * step for index in (0.0, 1.0, 2.0))
    hz = SAMPLE_RATE / FFT * torch.arange(FFT // 2, dtype=torch.float32).unsqueeze(1)
    bins = 1127.0 * (1.0 + hz / 700.0).log()
    return torch.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)).clamp(min=0.0)
