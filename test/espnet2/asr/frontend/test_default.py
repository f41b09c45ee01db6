"""The default front end: options, ragged batches, and upstream's features of real speech."""

import numpy as np
import pytest
import soundfile
import torch

from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.frequency import parse_frequency


@pytest.mark.parametrize(
    ("value", "hz"),
    [(8000, 8000), ("16000", 16000), ("16k", 16000), ("22.05k", 22050), ("44.1 kHz", 44100), ("0.016M", 16000)],
)
def test_sampling_rates(value, hz):
    assert parse_frequency(value) == hz
    assert DefaultFrontend(fs=value, n_mels=10).fs == hz


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fs": "fast"}, "fs: expected a sampling rate such as 16000 or 16k, found 'fast'"),
        ({"frontend_conf": {"use_mvdr": True}}, "frontend_conf: .*use_beamformer.*found 'use_mvdr'"),
        ({"frontend_conf": {"use_wpe": True, "taps": 0}}, "taps: .* positive .* 0"),
        ({"frontend_conf": {"use_wpe": True, "wtype": "transformer"}}, "type: .*blstmp.*transformer"),
        ({"frontend_conf": {"use_beamformer": True, "bnmask": 3}}, "bnmask: expected 2.*3"),
        ({"frontend_conf": {"use_beamformer": True, "badim": 0}}, "badim: .* positive .* 0"),
        ({"onesided": False}, "onesided: expected true"),
    ],
)
def test_what_cannot_be_computed_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DefaultFrontend(**options)


def test_padded_batch_equals_single_utterances():
    frontend = DefaultFrontend(win_length=400, hop_length=160, n_mels=20, frontend_conf={"use_wpe": False})
    lengths = [3200, 2047, 480]
    speech = torch.randn(3, 3200)
    feats, feats_lengths = frontend(speech, torch.tensor(lengths))
    assert feats.shape == (3, 21, frontend.output_size()) and feats_lengths.tolist() == [21, 13, 4]
    for i, length in enumerate(lengths):
        alone, _ = frontend(speech[i : i + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(feats[i, : feats_lengths[i]], alone[0], atol=1e-5, rtol=1e-5)
        assert not feats[i, feats_lengths[i] :].any()


def test_a_spectrum_may_be_given_instead_of_samples():
    whole, spectral = DefaultFrontend(n_mels=20), DefaultFrontend(n_mels=20, apply_stft=False)
    speech, lengths = torch.randn(2, 2000), torch.tensor([2000, 1200])
    spectrum, frames = whole.stft(speech, lengths)
    torch.testing.assert_close(spectral(spectrum, frames)[0], whole(speech, lengths)[0])


def test_training_draws_one_of_several_channels():
    frontend, lengths = DefaultFrontend(n_mels=20), torch.tensor([1000])
    speech = torch.stack([torch.ones(1, 1000), torch.randn(1, 1000)], dim=2)
    expected = [frontend(speech[..., channel], lengths)[0] for channel in range(2)]
    torch.manual_seed(0)
    drawn = [frontend(speech, lengths)[0] for _ in range(20)]
    assert {tuple(torch.equal(feats, one) for one in expected) for feats in drawn} == {(True, False), (False, True)}


def test_declared_interface():
    (component,) = DefaultFrontend().components()
    assert component.name == "frontend" and component.outputs[0].axes == ("batch", "out_frames", 80)
    assert component.lengths[0].length(16000) == 126


def test_features_of_real_speech(fixtures_dir):
    """Bands 100 dB below the loudest one differ by up to 1 % of energy: the rounding of upstream's float32 FFT."""
    reference = np.load(fixtures_dir / "refs" / "asr_conformer.npz")
    lines = [(fixtures_dir / "data" / name / "wav.scp").read_text().split() for name in ("test_seen", "test_unseen")]
    paths = {key: path for words in lines for key, path in zip(words[::2], words[1::2], strict=True)}
    frontend = DefaultFrontend(fs="16k", n_fft=512, win_length=400, hop_length=160, n_mels=80)
    for i, name in enumerate(reference["utts"]):
        speech, _ = soundfile.read(fixtures_dir / paths[name], dtype="float32")
        feats, _ = frontend(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))
        expected = reference[f"{i}.feats"]
        loud = expected > expected.max() - 12.0
        np.testing.assert_allclose(feats[0].numpy()[loud], expected[loud], atol=1e-4)
        np.testing.assert_allclose(feats[0].numpy(), expected, atol=0.02)
