"""Logarithm of mel filter bank energies, with the filters of Slaney's Auditory Toolbox or of HTK."""

from __future__ import annotations

import math

import numpy as np
import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load

# Slaney's scale is linear up to 1000 Hz (15 mel) and logarithmic above: 27 mel for every factor of 6.4.
HZ_PER_MEL = 200.0 / 3.0
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / HZ_PER_MEL
LOG_STEP = math.log(6.4) / 27.0
ENERGY_FLOOR = 1e-10


def hz_to_mel(hz: float, htk: bool = False) -> float:
    """Frequency in Hz to mel: HTK's 2595 log10(1 + f/700), or Slaney's scale."""
    if htk:
        return 2595.0 * math.log10(1.0 + hz / 700.0)
    return hz / HZ_PER_MEL if hz < BREAK_HZ else BREAK_MEL + math.log(hz / BREAK_HZ) / LOG_STEP


def mel_to_hz(mel: np.ndarray, htk: bool = False) -> np.ndarray:
    """The inverse of `hz_to_mel`, for an array."""
    if htk:
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return np.where(mel < BREAK_MEL, mel * HZ_PER_MEL, BREAK_HZ * np.exp(LOG_STEP * (mel - BREAK_MEL)))


def mel_filters(
    fs: int, n_fft: int, n_mels: int, fmin: float, fmax: float, htk: bool = False, unit_area: bool = True
) -> np.ndarray:
    """Triangular filters equally spaced on the mel scale: (n_mels, n_fft // 2 + 1) float32.

    With `unit_area`, their area is 1 per Hz; otherwise their peaks are 1.
    """
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin, htk), hz_to_mel(fmax, htk), n_mels + 2), htk)
    bins = np.linspace(0.0, fs / 2, n_fft // 2 + 1) if n_fft % 2 == 0 else np.arange(n_fft // 2 + 1) * (fs / n_fft)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = np.maximum(triangles, 0.0) * (2.0 / (high - low) if unit_area else 1.0)
    return filters.astype(np.float32)


class LogMel(torch.nn.Module):
    """Log-mel filter bank. `fs`, `fmin` and `fmax` are in Hz (by default 0 and half of `fs`); `log_base` None is the
    natural logarithm. Raises `ValueError` for sizes below 1 and for an empty band.

    The filters are the buffer `melmat` (n_fft // 2 + 1, n_mels), which checkpoints hold.
    """

    melmat: torch.Tensor

    @typechecked
    def __init__(
        self,
        fs: int = 16000,
        n_fft: int = 512,
        n_mels: int = 80,
        fmin: float | None = None,
        fmax: float | None = None,
        htk: bool = False,
        log_base: float | None = None,
    ):
        super().__init__()
        require_positive(fs=fs, n_fft=n_fft, n_mels=n_mels)
        band = (fmin or 0.0, fs / 2 if fmax is None else fmax)
        if not 0.0 <= band[0] < band[1]:
            raise ValueError(f"fmin, fmax: expected 0 or more and a larger number, found {band[0]} and {band[1]}")
        filters = mel_filters(fs, n_fft, n_mels, *band, htk)
        self.register_buffer("melmat", torch.from_numpy(filters.T.copy()))
        self.scale = 1.0 if log_base is None else 1.0 / math.log(log_base)
        upgrade_on_load(self)

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Drop the filters' inverse in checkpoints of releases up to 0.8."""
        state.pop(prefix + "inv_melmat", None)

    def forward(self, feat: torch.Tensor, ilens: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Power spectrum (B, T, F) to log-mel features (B, T, n_mels); frames beyond `ilens` (B,) are zeros."""
        features = (feat @ self.melmat).clamp(min=ENERGY_FLOOR).log() * self.scale
        if ilens is None:
            return features, full_lengths(feat)
        return features.masked_fill(make_pad_mask(ilens, feat.shape[1])[:, :, None], 0.0), ilens
