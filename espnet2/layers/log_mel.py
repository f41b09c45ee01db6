"""Logarithm of mel filter bank energies, with the filters of Slaney's Auditory Toolbox or of HTK."""

from __future__ import annotations

import math

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import full_lengths, make_pad_mask, require_positive
from espnet.nets.pytorch_backend.state_names import State, upgrade_on_load
from espnet2.utils.mel_scale import mel_filters

ENERGY_FLOOR = 1e-10


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
