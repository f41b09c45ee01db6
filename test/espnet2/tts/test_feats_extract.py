"""Training targets of synthesis models; the zoo compares their values with upstream's."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from espnet2.interface.errors import MissingPackageError
from espnet2.tts.feats_extract.dio import Dio
from espnet2.tts.feats_extract.energy import Energy
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank
from espnet2.tts.feats_extract.tokens import fitted, token_means

FOUND = np.array([0.0, 100.0, 0.0, 0.0, 160.0, 0.0])


@pytest.fixture
def world(monkeypatch) -> None:
    """A package pyworld that finds `FOUND`."""
    fake = SimpleNamespace(
        dio=lambda speech, fs, f0_floor, f0_ceil, frame_period: (FOUND, np.arange(len(FOUND)) * frame_period),
        stonemask=lambda speech, pitch, times, fs: pitch,
    )
    monkeypatch.setitem(sys.modules, "pyworld", fake)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"use_continuous_f0": False, "use_log_f0": False}, FOUND),
        ({"use_continuous_f0": True, "use_log_f0": False}, [100.0, 100.0, 120.0, 140.0, 160.0, 160.0]),
        ({"use_continuous_f0": False, "use_log_f0": True}, [0.0, np.log(100), 0.0, 0.0, np.log(160), 0.0]),
    ],
)
def test_pitch_of_frames(options, expected):
    pitch, lengths = Dio(fs=8000, hop_length=64, use_token_averaged_f0=False, **options)(torch.zeros(1, 320))
    assert lengths.tolist() == [6]
    assert pitch[0, :, 0].tolist() == pytest.approx(list(expected))


@pytest.mark.usefixtures("world")
def test_pitch_of_tokens_counts_voiced_frames_only():
    dio = Dio(fs="8k", hop_length=64, use_continuous_f0=False, use_log_f0=False, reduction_factor=1)
    given = {"durations": torch.tensor([[3, 0, 3]]), "durations_lengths": torch.tensor([3])}
    pitch, lengths = dio(torch.zeros(1, 320), torch.tensor([320]), torch.tensor([6]), **given)
    assert (pitch[0, :, 0].tolist(), lengths.tolist()) == ([100.0, 0.0, 160.0], [3])


def test_pitch_needs_a_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(MissingPackageError, match="pyworld"):
        Dio()(torch.zeros(1, 320))


def test_means_of_tokens():
    assert token_means(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([2, 0, 1])).tolist() == [2.0, 0.0, 5.0]
    with pytest.raises(ValueError, match=r"durations.*3 frames.*4"):
        token_means(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([4]))


@pytest.mark.parametrize(("length", "expected"), [(2, [1.0, 2.0]), (3, [1.0, 2.0, 3.0]), (4, [1.0, 2.0, 3.0, 0.0])])
def test_frames_fit_features(length, expected):
    assert fitted(torch.tensor([1.0, 2.0, 3.0]), length).tolist() == expected


def test_parameters_are_what_a_vocoder_needs():
    of_samples = {"n_fft": 256, "n_shift": 64, "win_length": None, "window": "hann"}
    assert LinearSpectrogram(256, hop_length=64).get_parameters() == of_samples
    found = LogMelFbank("8k", 256, hop_length=64, n_mels=20, fmin=None, fmax=3600).get_parameters()
    assert found == {**of_samples, "fs": 8000, "n_mels": 20, "fmin": None, "fmax": 3600}


def test_energy_of_a_unit_impulse():
    energy, _ = Energy(n_fft=8, hop_length=4, window="hann", center=False)(torch.eye(8)[4:5])
    assert energy.item() == pytest.approx(5**0.5)  # a window of 1 there, five bins of magnitude 1
