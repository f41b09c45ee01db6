"""Training data of speaker models: parts of one duration, and numbers of speakers."""

import numpy as np
import pytest
import soundfile

from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.train.preprocessor import SpkPreprocessor

SPEECH = np.arange(2000, dtype=np.float32) / 2000


@pytest.fixture
def speakers(tmp_path):
    (tmp_path / "spk2utt").write_text("bert u1 u2\nanna u3\n")
    return str(tmp_path / "spk2utt")


def test_speakers_have_the_numbers_of_their_lines(speakers):
    preprocess = SpkPreprocessor(True, 0.05, speakers)
    found = preprocess("u3", {"speech": SPEECH, "spk_labels": "anna"})
    assert found["spk_labels"].tolist() == [1]
    assert found["spk_labels"].dtype == np.int64
    assert SpkPreprocessor(True, 0.05)("u", {"speech": SPEECH, "spk_labels": "7"})["spk_labels"].tolist() == [7]


def test_training_draws_parts_and_validation_takes_the_middle():
    train, valid = SpkPreprocessor(True, 0.05), SpkPreprocessor(False, 0.05)
    train.reseed([1])
    first, second = (train("u", {"speech": SPEECH})["speech"] for _ in range(2))
    train.reseed([1])
    assert np.array_equal(train("u", {"speech": SPEECH})["speech"], first)
    assert first[0] != second[0]
    assert len(first) == len(second) == 800
    assert np.array_equal(valid("u", {"speech": SPEECH})["speech"], SPEECH[600:1400])


def test_short_speech_is_repeated():
    found = SpkPreprocessor(True, 0.05)("u", {"speech": SPEECH[:300]})["speech"]
    assert np.array_equal(found, np.concatenate([SPEECH[:300], SPEECH[:300], SPEECH[:200]]))


def test_noise_is_added_in_training(tmp_path):
    soundfile.write(tmp_path / "noise.wav", 0.1 * np.random.default_rng(0).standard_normal(4000), 16000)
    (tmp_path / "noise.scp").write_text(f"n {tmp_path / 'noise.wav'}\n")
    info = [[1.0, str(tmp_path / "noise.scp"), [1, 2], [0, 5]]]
    data = {"speech": SPEECH[:800]}
    noisy = SpkPreprocessor(True, 0.05, noise_info=info)("u", data)["speech"]
    assert noisy.dtype == np.float32
    assert np.abs(noisy - SPEECH[:800]).max() > 0.01
    assert np.array_equal(
        SpkPreprocessor(True, 0.05, noise_info=info, noise_apply_prob=0.0)("u", data)["speech"], SPEECH[:800]
    )
    assert np.array_equal(SpkPreprocessor(False, 0.05, noise_info=info)("u", data)["speech"], SPEECH[:800])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"speech": SPEECH, "spk_labels": "carl"}, DataError, "u: expected one of the 2 speakers .* 'carl'"),
        ({"speech": SPEECH.reshape(-1, 2)}, AudioError, "u: expected speech of one channel"),
        ({"speech": SPEECH, "speech2": SPEECH}, OptionError, "speech2: expected speech and spk_labels alone"),
    ],
)
def test_bad_data(speakers, data, error, message):
    with pytest.raises(error, match=message):
        SpkPreprocessor(True, 0.05, speakers)("u", data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_duration": 0.0}, "target_duration: expected a positive number"),
        ({"noise_info": [[1.0, "noise.scp"]]}, "noise_info: expected .probability, noise_scp"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(OptionError, match=message):
        SpkPreprocessor(True, **{"target_duration": 1.0, **options})
