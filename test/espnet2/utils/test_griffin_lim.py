"""Samples from spectrograms: the transform is undone, and magnitudes come near those that are given."""

import numpy as np
import pytest

from espnet2.interface.errors import OptionError
from espnet2.utils.griffin_lim import Spectrogram2Waveform, Transform, griffin_lim, logmel2linear
from espnet2.utils.mel_scale import mel_filters

RNG = np.random.default_rng(0)
SAMPLES = np.sin(2 * np.pi * 150 * np.arange(2048) / 8000) + 0.3 * RNG.standard_normal(2048)


@pytest.mark.parametrize("sizes", [(256, 64), (256, 60, 200), (300, 70, 300), (256, 128, None, "hamming")])
def test_inverse_undoes_the_transform(sizes):
    transform = Transform(*sizes)
    spectra = transform.forward(SAMPLES)
    assert spectra.shape == (1 + len(SAMPLES) // sizes[1], sizes[0] // 2 + 1)
    found = transform.inverse(spectra)
    assert len(found) == (len(spectra) - 1) * sizes[1]
    assert np.abs(found - SAMPLES[: len(found)]).max() < 1e-12


def _error(samples: np.ndarray, magnitudes: np.ndarray) -> float:
    """Relative distance of magnitudes."""
    found = np.abs(Transform(256, 64).forward(samples))[: len(magnitudes)]
    return float(np.linalg.norm(found - magnitudes[: len(found)]) / np.linalg.norm(magnitudes))


def test_magnitudes_come_nearer_with_every_step():
    magnitudes = np.abs(Transform(256, 64).forward(SAMPLES))
    # librosa 0.11, whose algorithm upstream runs: 0.37, 0.19, 0.08 on such a signal.
    errors = [_error(griffin_lim(magnitudes, 256, 64, n_iter=steps, seed=1), magnitudes) for steps in (1, 8, 32)]
    assert errors == pytest.approx([0.38, 0.18, 0.08], abs=0.05)


def test_a_seed_gives_the_same_samples():
    magnitudes = np.abs(Transform(256, 64).forward(SAMPLES))
    first, second, other = (griffin_lim(magnitudes, 256, 64, n_iter=2, seed=seed) for seed in (1, 1, 2))
    assert first.dtype == np.float32
    assert np.array_equal(first, second)
    assert not np.allclose(first, other)


def test_log_mel_features_of_magnitudes_come_back():
    filters = mel_filters(8000, 256, 20, 40.0, 4000.0)
    magnitudes = np.abs(RNG.standard_normal((5, 129))) + 1
    mel = magnitudes @ filters.T
    found = logmel2linear(np.log10(mel), 8000, 256, 20, 40, 4000)
    assert found.min() >= 1e-10
    assert np.linalg.norm(found @ filters.T - mel) / np.linalg.norm(mel) < 0.2
    assert np.allclose(found, logmel2linear(np.log(mel), 8000, 256, 20, 40, 4000, log_base=np.e))


@pytest.mark.parametrize(("log_base", "features"), [(None, lambda m: m), (10.0, np.log10), (2.0, np.log2)])
def test_spectrograms_without_mel_filters(log_base, features):
    magnitudes = np.abs(Transform(256, 64).forward(SAMPLES))
    vocoder = Spectrogram2Waveform(256, 64, log_base=log_base)
    assert _error(vocoder(features(magnitudes), seed=0), magnitudes) < 0.25


def test_one_frame_lasts_a_shift():
    assert Spectrogram2Waveform(256, 64)(np.ones((1, 129))).shape == (64,)
    assert Spectrogram2Waveform(256, 64)(np.ones((2, 129))).shape == (64,)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"window": "round"}, "window.*hann.*round"),
        ({"n_shift": 0}, "n_shift"),
        ({"win_length": 300}, "win_length.*300"),
    ],
)
def test_transforms_that_cannot_be_made(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        Transform(**{"n_fft": 256, "n_shift": 64, **options})


def test_features_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"129.*\(5, 8\)"):
        griffin_lim(np.ones((5, 8)), 256, 64)
    with pytest.raises(OptionError, match="fs"):
        Spectrogram2Waveform(256, 64, n_mels=20)
