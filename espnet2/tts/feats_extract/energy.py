"""Energy of frames or tokens (Ren et al. 2021, FastSpeech 2, section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet2.layers.frequency import parse_frequency
from espnet2.layers.stft import Stft
from espnet2.tts.feats_extract.linear_spectrogram import POWER_FLOOR
from espnet2.tts.feats_extract.variance import AbsVariance


class Energy(AbsVariance):
    """Length of the vector of magnitudes.

    Args:
        fs: sampling rate in Hz, or text such as "16k".
        n_fft, win_length, hop_length, window, center, normalized, onesided: those of `Stft`.
        use_token_averaged_energy: mean over the frames of each token.
        reduction_factor: frames that one step of durations stands for.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str = 22050,
        n_fft: int = 1024,
        win_length: int | None = None,
        hop_length: int = 256,
        window: str = "hann",
        center: bool = True,
        normalized: bool = False,
        onesided: bool = True,
        use_token_averaged_energy: bool = True,
        reduction_factor: int | None = None,
    ):
        super().__init__()
        require_positive(reduction_factor=1 if reduction_factor is None else reduction_factor)
        self.fs = parse_frequency(fs)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.use_token_averaged_energy = use_token_averaged_energy
        self.reduction_factor = reduction_factor
        self.stft = Stft(n_fft, win_length, hop_length, window, center, normalized, onesided)

    def get_parameters(self) -> dict[str, Any]:
        return {
            "fs": self.fs,
            "n_fft": self.n_fft,
            "hop_length": self.hop_length,
            "window": self.window,
            "win_length": self.win_length,
            "center": self.stft.center,
            "normalized": self.stft.normalized,
            "use_token_averaged_energy": self.use_token_averaged_energy,
            "reduction_factor": self.reduction_factor,
        }

    @property
    def averaged(self) -> bool:
        return self.use_token_averaged_energy

    def numbers(self, samples: torch.Tensor, lengths: torch.Tensor) -> Sequence[torch.Tensor]:
        power = self.stft.power(self.stft.pad(samples, lengths)).sum(dim=2)
        frames = self.stft.length(lengths)
        return [row[: int(n)].clamp(min=POWER_FLOOR).sqrt() for row, n in zip(power, frames, strict=True)]
