"""Pitch of frames or tokens by DIO and StoneMask (Morise et al. 2009; Morise et al. 2016, WORLD)."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from typeguard import typechecked

from espnet.nets.pytorch_backend.nets_utils import require_positive
from espnet2.interface.errors import MissingPackageError
from espnet2.layers.frequency import parse_frequency
from espnet2.tts.feats_extract.variance import AbsVariance


class Dio(AbsVariance):
    """Pitch by the package pyworld.

    Args:
        fs: sampling rate in Hz, or text such as "16k".
        n_fft: not used.
        hop_length: samples from a frame to the next.
        f0min, f0max: lowest and highest pitch in Hz.
        use_token_averaged_f0: mean over the voiced frames of each token.
        use_continuous_f0: unvoiced frames between voiced ones get what lies between.
        use_log_f0: natural logarithm of pitch that is not 0.
        reduction_factor: frames that one step of durations stands for.
    """

    positive = True  # unvoiced frames have none

    @typechecked
    def __init__(
        self,
        fs: int | str = 22050,
        n_fft: int = 1024,
        hop_length: int = 256,
        f0min: int = 80,
        f0max: int = 400,
        use_token_averaged_f0: bool = True,
        use_continuous_f0: bool = True,
        use_log_f0: bool = True,
        reduction_factor: int | None = None,
    ):
        super().__init__()
        require_positive(reduction_factor=1 if reduction_factor is None else reduction_factor, hop_length=hop_length)
        self.fs = parse_frequency(fs)
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.f0min = f0min
        self.f0max = f0max
        self.use_token_averaged_f0 = use_token_averaged_f0
        self.use_continuous_f0 = use_continuous_f0
        self.use_log_f0 = use_log_f0
        self.reduction_factor = reduction_factor

    def get_parameters(self) -> dict[str, Any]:
        names = ("fs", "n_fft", "hop_length", "f0min", "f0max", "use_token_averaged_f0", "use_continuous_f0")
        return {name: getattr(self, name) for name in (*names, "use_log_f0", "reduction_factor")}

    @property
    def averaged(self) -> bool:
        return self.use_token_averaged_f0

    def numbers(self, samples: torch.Tensor, lengths: torch.Tensor) -> Sequence[torch.Tensor]:
        return [self._pitch(row[: int(length)]) for row, length in zip(samples, lengths, strict=True)]

    def _pitch(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples (N,) → pitch of frames (T,)."""
        world = _world()
        speech = samples.detach().cpu().numpy().astype(np.float64)
        period = 1000.0 * self.hop_length / self.fs  # milliseconds
        found, times = world.dio(speech, self.fs, f0_floor=self.f0min, f0_ceil=self.f0max, frame_period=period)
        pitch = world.stonemask(speech, found, times, self.fs)
        voiced = np.nonzero(pitch)[0]
        if self.use_continuous_f0 and len(voiced):
            pitch = np.interp(np.arange(len(pitch)), voiced, pitch[voiced])
        if self.use_log_f0:
            pitch = np.log(pitch, where=pitch > 0, out=np.zeros_like(pitch))
        return torch.from_numpy(pitch).to(samples)


def _world() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it reads its version by a package that warns
            return importlib.import_module("pyworld")
    except ImportError as error:
        needed = 'pyworld (pip install pyworld "setuptools<81")'
        raise MissingPackageError(f"pitch_extract dio needs the package {needed}: {error}") from None
