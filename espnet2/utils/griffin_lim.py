"""Samples from spectrograms: the fast Griffin-Lim algorithm (Griffin and Lim 1984; Perraudin et al. 2013)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from espnet2.interface.errors import OptionError
from espnet2.utils.mel_scale import mel_filters

WINDOWS: Mapping[str | None, Callable[[int], np.ndarray]] = {
    "hann": lambda length: np.hanning(length + 1)[:-1],
    "hamming": lambda length: np.hamming(length + 1)[:-1],
    "blackman": lambda length: np.blackman(length + 1)[:-1],
    "bartlett": lambda length: np.bartlett(length + 1)[:-1],
    None: np.ones,
}
MOMENTUM = 0.99  # of the fast algorithm; 0 is Griffin and Lim's
MAGNITUDE_FLOOR = 1e-10


def logmel2linear(
    lmspc: np.ndarray,
    fs: int,
    n_fft: int,
    n_mels: int,
    fmin: float | None = None,
    fmax: float | None = None,
    htk: bool = False,
    log_base: float = 10.0,
) -> np.ndarray:
    """Magnitudes whose mel filter bank outputs are nearest: log-mel (T, n_mels) → (T, n_fft // 2 + 1).

    Args:
        lmspc: Logarithms to `log_base`.
        fs: Sampling rate in Hz.
        n_fft: Samples of a transform.
        n_mels: Filters.
        fmin, fmax: Band in Hz; None: from 0 to half of `fs`.
        htk: HTK's mel scale instead of Slaney's.
        log_base: Base of the logarithms.
    """
    return _magnitudes(lmspc, inverse_filters(fs, n_fft, n_mels, fmin, fmax, htk), log_base)


def inverse_filters(
    fs: int, n_fft: int, n_mels: int, fmin: float | None = None, fmax: float | None = None, htk: bool = False
) -> np.ndarray:
    """Pseudo-inverse of a mel filter bank, (n_mels, n_fft // 2 + 1); see `logmel2linear`."""
    filters = mel_filters(fs, n_fft, n_mels, fmin or 0.0, fs / 2 if fmax is None else fmax, htk)
    return np.linalg.pinv(filters).T


def _magnitudes(lmspc: np.ndarray, inverse: np.ndarray, log_base: float) -> np.ndarray:
    return np.maximum(MAGNITUDE_FLOOR, np.power(log_base, lmspc) @ inverse)


class Transform:
    """Short-time Fourier transform of signals that are zero outside, and its inverse by overlap-add.

    Args:
        n_fft: Samples of a transform.
        n_shift: Samples from one to the next.
        win_length: Samples of the window; None: `n_fft`.
        window: A name in `WINDOWS`.

    Raises:
        OptionError: An unknown window, or sizes that leave samples out.
    """

    def __init__(self, n_fft: int, n_shift: int, win_length: int | None = None, window: str | None = "hann") -> None:
        length = n_fft if win_length is None else win_length
        if window not in WINDOWS:
            known = ", ".join(str(name) for name in WINDOWS)
            raise OptionError(f"window: expected one of {known}, found {window!r}")
        if not 0 < n_shift <= length <= n_fft:
            raise OptionError(
                f"n_shift, win_length, n_fft: expected increasing sizes, found {n_shift}, {length} and {n_fft}"
            )
        self.n_fft, self.n_shift = n_fft, n_shift
        start = (n_fft - length) // 2
        self.window = np.pad(WINDOWS[window](length), (start, n_fft - length - start))
        self.shifts = -(-n_fft // n_shift)  # frames that overlap

    def forward(self, samples: np.ndarray) -> np.ndarray:
        """Samples (N,) → spectra (T, n_fft // 2 + 1), the first of which is centred at the first sample."""
        padded = np.pad(samples, self.n_fft // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.n_shift]
        return np.fft.rfft(frames * self.window, axis=-1)

    def inverse(self, spectra: np.ndarray) -> np.ndarray:
        """Spectra (T, n_fft // 2 + 1) → samples ((T - 1) n_shift,)."""
        frames = np.fft.irfft(spectra, self.n_fft, axis=-1) * self.window
        total = self._overlapped(frames)
        weight = self._overlapped(np.broadcast_to(self.window**2, frames.shape))
        start, count = self.n_fft // 2, (len(spectra) - 1) * self.n_shift
        tiny = np.finfo(np.float32).tiny
        return (total / np.where(weight > tiny, weight, 1.0))[start : start + count]

    def _overlapped(self, frames: np.ndarray) -> np.ndarray:
        """Sum of frames (T, n_fft) at their places."""
        pieces = np.pad(frames, ((0, 0), (0, self.shifts * self.n_shift - self.n_fft)))
        pieces = pieces.reshape(len(frames), self.shifts, self.n_shift)
        total = np.zeros((len(frames) + self.shifts - 1, self.n_shift))
        for index in range(self.shifts):
            total[index : index + len(frames)] += pieces[:, index]
        return total.reshape(-1)


def griffin_lim(
    spc: np.ndarray,
    n_fft: int,
    n_shift: int,
    win_length: int | None = None,
    window: str | None = "hann",
    n_iter: int | None = 32,
    seed: int | None = None,
) -> np.ndarray:
    """Find samples whose spectrogram is near magnitudes.

    Args:
        spc: (T, n_fft // 2 + 1) magnitudes.
        n_fft, n_shift, win_length, window: See `Transform`.
        n_iter: Steps; None: 32.
        seed: Of the phases at first; None: other ones at every call.

    Returns:
        ((T - 1) n_shift,) float32.

    Raises:
        ValueError: Magnitudes of another size.
    """
    return samples_of(spc, Transform(n_fft, n_shift, win_length, window), 32 if n_iter is None else n_iter, seed)


def samples_of(spc: np.ndarray, transform: Transform, n_iter: int, seed: int | None = None) -> np.ndarray:
    """`griffin_lim` with a transform that is made already."""
    size = transform.n_fft // 2 + 1
    if spc.ndim != 2 or spc.shape[1] != size:
        raise ValueError(f"spc: expected magnitudes (T, {size}), found the shape {spc.shape}")
    magnitudes = spc.astype(np.float64)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(spc.shape))
    before = np.zeros_like(phases)
    for _ in range(n_iter):
        found = transform.forward(transform.inverse(magnitudes * phases))
        ahead = found - MOMENTUM / (1 + MOMENTUM) * before
        phases = ahead / np.maximum(np.abs(ahead), np.finfo(np.float64).tiny)
        before = found
    return transform.inverse(magnitudes * phases).astype(np.float32)


class Spectrogram2Waveform:
    """Features of a synthesis model to samples, without a vocoder.

    Args:
        n_fft, n_shift, win_length, window: See `Transform`.
        fs: Sampling rate in Hz.
        n_mels: Mel filters; None: features are magnitudes, or their logarithms with `log_base`.
        fmin, fmax, htk: See `logmel2linear`.
        griffin_lim_iters: Steps of the algorithm; None: 32.
        log_base: Base of logarithms; None: 10 for mel filters.

    Raises:
        OptionError: As `Transform`, or mel filters without a sampling rate.
    """

    def __init__(
        self,
        n_fft: int,
        n_shift: int,
        fs: int | None = None,
        n_mels: int | None = None,
        win_length: int | None = None,
        window: str | None = "hann",
        fmin: float | None = None,
        fmax: float | None = None,
        griffin_lim_iters: int | None = 8,
        htk: bool = False,
        log_base: float | None = None,
    ) -> None:
        self.fs, self.log_base = fs, log_base
        self.transform = Transform(n_fft, n_shift, win_length, window)
        self.n_iter = 32 if griffin_lim_iters is None else griffin_lim_iters
        self.inverse = None
        if n_mels is not None:
            if fs is None:
                raise OptionError("fs: expected the sampling rate in Hz, which mel filters need, found none")
            self.inverse = inverse_filters(fs, n_fft, n_mels, fmin, fmax, htk)

    def __call__(self, spc: Any, seed: int | None = None) -> Any:
        """Features (T, F) → samples ((T - 1) n_shift,) float32, n_shift of a single frame; of a tensor, a tensor."""
        magnitudes = self.magnitudes(np.asarray(spc))
        if len(magnitudes) == 1:  # lasts until the next one
            magnitudes = np.repeat(magnitudes, 2, axis=0)
        samples = samples_of(magnitudes, self.transform, self.n_iter, seed)
        return spc.new_tensor(samples) if hasattr(spc, "new_tensor") else samples

    def magnitudes(self, spc: np.ndarray) -> np.ndarray:
        """Features (T, F) → magnitudes (T, n_fft // 2 + 1)."""
        if self.inverse is not None:
            return _magnitudes(spc, self.inverse, self.log_base or 10.0)
        return spc if self.log_base is None else np.power(self.log_base, spc)
