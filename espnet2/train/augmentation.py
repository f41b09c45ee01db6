"""Augmentation of training recordings: reverberation, noise, effects."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.audio import read_samples, recording_size
from espnet2.fileio.read_text import found_path, read_2columns_text
from espnet2.interface.errors import AudioError, DataError, OptionError

FRAME, SHIFT = 1024, 512  # samples
SILENCE = 0.01  # of the mean power, 20 dB below
SMALLEST_POWER = 1e-10


class Rooms:
    """Reverberation: convolution of speech with the impulse response of a room.

    Args:
        rir_scp: Lines `name path.wav`, or `path.wav`, of impulse responses with one channel.
        probability: Of a convolution.
        fs: Sampling rate of the speech in Hz, to which responses are resampled; 0: no resampling.

    Raises:
        DataError: The list cannot be read, or is empty.
        OptionError: The probability is not between 0 and 1.
    """

    def __init__(self, rir_scp: Path | str, probability: float, fs: int) -> None:
        self.paths = _listed(rir_scp)
        self.probability = _probability("rir_apply_prob", probability)
        self.fs = fs

    def __call__(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speech (T,) -> (T,) of the same power where there is speech; raises `AudioError` for a file of the list."""
        if rng.random() >= self.probability:
            return speech
        path = self.paths[rng.integers(len(self.paths))]
        response = _at_rate(*_read(path), self.fs)
        reverberant = convolve(speech, response)
        return reverberant * np.sqrt(speech_power(speech) / max(speech_power(reverberant), SMALLEST_POWER))


class Noises:
    """Additive noise: a random part of a recording, at a random signal-to-noise ratio.

    Args:
        noise_scp: Lines `name path.wav`, or `path.wav`, of recordings with one channel.
        probability: Of noise.
        db_range: Lowest and highest ratio in dB, as `3_10`, or one ratio. The power is that of the samples with speech.
        short: Share of the speech below which the length of a noise recording is warned of. Recordings shorter than
            the speech are repeated.
        fs: Sampling rate of the speech in Hz, to which noise is resampled; 0: no resampling.

    Raises:
        DataError: The list cannot be read, or is empty.
        OptionError: The probability or the range is invalid.
    """

    def __init__(self, noise_scp: Path | str, probability: float, db_range: str, short: float, fs: int) -> None:
        self.paths = _listed(noise_scp)
        self.probability = _probability("noise_apply_prob", probability)
        self.db_range = _db_range(db_range)
        self.short = short
        self.fs = fs

    def __call__(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speech (T,) -> (T,); raises `AudioError` for a file of the list."""
        if rng.random() >= self.probability:
            return speech
        ratio = rng.uniform(*self.db_range)
        noise = self._part(self.paths[rng.integers(len(self.paths))], len(speech), rng)
        power = max(float(np.mean(noise**2)), SMALLEST_POWER)
        return speech + noise * np.sqrt(speech_power(speech) / power) * 10 ** (-ratio / 20)

    def _part(self, path: str, length: int, rng: np.random.Generator) -> np.ndarray:
        frames, rate = recording_size(path)
        needed = -(-length * rate // self.fs) if self.fs else length
        if frames < needed:
            if frames < self.short * needed:
                logging.warning("%s: much shorter than the speech: %d of %d samples", path, frames, needed)
            noise = _at_rate(*_read(path), self.fs)
            return noise[(np.arange(length) + rng.integers(len(noise))) % len(noise)]
        start = rng.integers(frames - needed + 1)
        # Half a sample more: seconds are rounded down to samples.
        span = ((start + 0.5) / rate, (start + needed + 0.5) / rate)
        return _at_rate(*_read(path, span), self.fs)[:length]


class NoiseKind:
    """A kind of noise: its probability, and what adds some of it."""

    def __init__(
        self,
        probability: float,
        noise_scp: str,
        counts: Sequence[int],
        db_range: Sequence[float],
        short: float,
        fs: int,
    ) -> None:
        self.probability, self.counts = probability, counts
        self.noises = Noises(noise_scp, 1.0, f"{db_range[0]}_{db_range[1]}", short, fs)

    def __call__(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speech (T,) → (T,)."""
        added = np.zeros_like(speech)
        for _ in range(int(rng.integers(self.counts[0], self.counts[1] + 1))):
            added = added + self.noises(speech, rng) - speech
        return speech + added


class NoiseKinds:
    """With `probability`, one of several kinds of noise, drawn by their probabilities.

    Args:
        noise_info: Of each kind its probability, its list (see `Noises`), the fewest and the most recordings that are
            added, and the lowest and highest signal-to-noise ratio in dB.
        probability: Of noise.
        short, fs: See `Noises`.

    Raises:
        DataError: A list cannot be read, or is empty.
        OptionError: A value that is not allowed.
    """

    def __init__(self, noise_info: Sequence[Any], probability: float, short: float, fs: int) -> None:
        self.kinds = [NoiseKind(*_checked(item), short, fs) for item in noise_info]
        self.probability = _probability("noise_apply_prob", probability)
        weights = np.array([kind.probability for kind in self.kinds], float)
        if weights.min() < 0 or not weights.sum() > 0:
            raise OptionError(f"noise_info: expected probabilities, found {weights.tolist()}")
        self.weights = weights / weights.sum()

    def __call__(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speech (T,) → (T,)."""
        if rng.random() >= self.probability:
            return speech
        return self.kinds[int(rng.choice(len(self.kinds), p=self.weights))](speech, rng)


def _checked(item: Any) -> tuple[float, str, Sequence[int], Sequence[float]]:
    """An item of `noise_info`."""
    try:
        probability, noise_scp, (least, most), (low, high) = item
        return float(probability), str(noise_scp), (int(least), int(most)), (float(low), float(high))
    except (TypeError, ValueError):
        raise OptionError(
            f"noise_info: expected [probability, noise_scp, [least, most], [low, high]], found {str(item)[:80]}"
        ) from None


def speech_power(samples: np.ndarray) -> float:
    """Return the mean power of the samples (T,) with speech."""
    return float(np.mean(samples[is_speech(samples)].astype(np.float64) ** 2))


def is_speech(samples: np.ndarray) -> np.ndarray:
    """Return for each of the samples (T,) whether its frame has more than 1 % of the mean power, bool (T,)."""
    if len(samples) <= FRAME:
        return np.ones(len(samples), dtype=bool)
    # The power of frames, from the powers of their halves; behind the end there are zeros.
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % SHIFT))
    halves = np.mean(padded.reshape(-1, SHIFT) ** 2, axis=1)
    powers = (halves[:-1] + halves[1:]) / 2
    frames = powers > SILENCE * max(powers.mean(), SMALLEST_POWER)
    places = np.minimum(np.arange(len(samples)) // SHIFT, len(frames) - 1)
    return frames[places] if frames.any() else np.ones(len(samples), dtype=bool)


def convolve(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return the first T samples of the convolution of samples (T,) with a response (R,)."""
    # Overlap-save: blocks that fit a cache take a third of the time of one transform of everything.
    before = len(response) - 1
    size = 4 << before.bit_length()
    hop = size - before
    blocks = -(-len(samples) // hop)
    padded = np.pad(samples, (before, blocks * hop - len(samples)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectra = np.fft.rfft(windows) * np.fft.rfft(response, size)
    return np.fft.irfft(spectra, size)[:, before:].reshape(-1)[: len(samples)]


def _listed(path: Path | str) -> list[str]:
    listed = [value or key for key, value in read_2columns_text(path).items()]
    if not listed:
        raise DataError(f"{path}: expected a recording on each line, found an empty file")
    return [found_path(value, Path(path)) for value in listed]


class Effects:
    """Random effects of `espnet2.layers.augmentation`.

    Args:
        effects: See `DataAugmentation` there.
        apply_n: Smallest and largest number of effects.
        probability: Of applying effects at all.
        fs: Sampling rate of the speech in Hz.

    Raises:
        OptionError: An effect, the probability or the rate is invalid.
    """

    def __init__(self, effects: Sequence[Any], apply_n: Sequence[int], probability: float, fs: int) -> None:
        from espnet2.layers.augmentation import DataAugmentation

        self.probability, self.fs = _probability("data_aug_prob", probability), fs
        if fs < 1:
            raise OptionError(f"fs: expected the sampling rate of speech, which data_aug_effects need, found {fs}")
        try:
            self.augment = DataAugmentation(effects, apply_n)
        except ValueError as error:
            raise OptionError(f"data_aug_effects: {error}") from error

    def __call__(self, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Speech (T,) -> (T',), of another length where an effect changes the speed."""
        if rng.random() >= self.probability:
            return speech
        with _seeded(int(rng.integers(2**32))):
            return self.augment(speech, self.fs)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the random numbers of effects; afterwards the generators have their earlier states."""
    import torch

    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _probability(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise OptionError(f"{name}: expected a probability from 0 to 1, found {value}")
    return value


def _db_range(text: str) -> tuple[float, float]:
    try:
        values = [float(item) for item in str(text).split("_")]
        low, high = values * 2 if len(values) == 1 else values
    except ValueError as error:
        raise OptionError(f"noise_db_range: expected 'low_high' or one number in dB, found {text!r}") from error
    return low, high


def _read(path: str, span: tuple[float, float] | None = None) -> tuple[np.ndarray, int]:
    samples, rate = read_samples(path, "float64", always_2d=True, span=span)
    if samples.shape[1] != 1 or not len(samples):
        raise AudioError(f"{path}: expected samples of one channel, found an array of {samples.shape}")
    return samples[:, 0], rate


def _at_rate(samples: np.ndarray, rate: int, fs: int) -> np.ndarray:
    if fs in (0, rate):
        return samples
    import soxr

    return soxr.resample(samples, rate, fs, quality="HQ")
