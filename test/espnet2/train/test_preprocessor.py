"""Indices of tokens and changed speech are upstream's; what is random has the right distribution and a seed."""

import json
import random

import data_cases
import numpy as np
import pytest
import soundfile

from espnet2.interface.errors import DataError, EspnetError
from espnet2.train.augmentation import convolve, is_speech
from espnet2.train.preprocessor import CommonPreprocessor, CommonPreprocessor_multi


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data_cases.write_tokens()
    data_cases.write_augmentation()
    return tmp_path


@pytest.fixture
def golden(repo_dir):
    return lambda name: json.loads((repo_dir / "test" / "golden" / "data" / f"{name}.json").read_text())


def test_tokens_are_upstreams(work, golden):
    for options, expected in zip(data_cases.TOKENIZERS, golden("tokens"), strict=True):
        preprocessor = CommonPreprocessor(train=True, **options)
        found = [preprocessor("utt", {"text": text})["text"] for text in data_cases.TEXTS]
        assert [ids.tolist() for ids in found] == expected, options
        assert all(ids.dtype == np.int64 for ids in found)


@pytest.mark.parametrize("name", data_cases.SPEECH)
def test_changed_speech_is_upstreams(work, golden, name):
    samples = data_cases.speech()
    changed = CommonPreprocessor(train=True, **data_cases.SPEECH[name])("utt", {"speech": samples})["speech"]
    assert (changed.shape, changed.dtype) == (samples.shape, samples.dtype)
    np.testing.assert_allclose(changed[:: data_cases.STEP], golden("speech")[name], atol=2e-6)


def test_where_speech_is(golden):
    found = is_speech(data_cases.speech())
    assert np.flatnonzero(np.diff(found.astype(int))).tolist() == golden("speech")["is_speech"]
    assert is_speech(np.zeros(3000)).all()


@pytest.mark.parametrize(("length", "response"), [(10, 3), (3, 10), (5000, 1), (1, 1), (3000, 400)])
def test_convolution(length, response):
    rng = np.random.default_rng(0)
    samples, taps = rng.standard_normal(length), rng.standard_normal(response)
    np.testing.assert_allclose(convolve(samples, taps), np.convolve(samples, taps)[:length], atol=1e-10)


def test_several_texts(work):
    options = {"token_type": "char", "token_list": data_cases.TOKENS}
    data = {"text": "a", "second": "b c", "other": np.zeros(2)}
    found = CommonPreprocessor(train=True, aux_task_names=["second", "absent"], **options)("utt", data)
    assert {name: value.tolist() for name, value in found.items()} == {
        "text": [2],
        "second": [3, 5, 4],
        "other": [0, 0],
    }
    found = CommonPreprocessor_multi(train=True, text_name=["second"], **options)("utt", data)
    assert (found["text"], found["second"].tolist()) == ("a", [3, 5, 4])


def test_channels_are_mixed():
    stereo = np.array([[0.1, 0.3], [0.0, -0.2]], dtype=np.float32)
    mixed = CommonPreprocessor(train=False, force_single_channel=True)("utt", {"speech": stereo})["speech"]
    np.testing.assert_allclose(mixed, [0.2, -0.1], atol=1e-7)


def test_silence_stays_finite(work):
    options = {"noise_scp": "noise.scp", "rir_scp": "rir.scp", "speech_volume_normalize": 1.0}
    changed = CommonPreprocessor(train=True, **options)("utt", {"speech": np.zeros(5000)})["speech"]
    assert not changed.any()


def test_nothing_is_added_outside_training(work):
    samples = data_cases.speech()
    preprocessor = CommonPreprocessor(train=False, noise_scp="noise.scp", rir_scp="rir.scp")
    assert preprocessor("utt", {"speech": samples})["speech"] is samples


@pytest.mark.parametrize("frames", [1000, 6000, 20000])
def test_noise_has_the_ratio_that_is_asked_for(work, frames):
    rng = np.random.default_rng(0)
    soundfile.write("noise.wav", rng.standard_normal(frames) * 0.1, 16000, subtype="FLOAT")
    samples = (rng.standard_normal(6000) * 0.1).astype(np.float32)
    preprocessor = CommonPreprocessor(train=True, noise_scp="noise.scp", noise_db_range="5_15", noise_apply_prob=0.5)
    ratios = []
    for seed in range(400):
        preprocessor.reseed((seed,))
        noise = preprocessor("utt", {"speech": samples})["speech"] - samples
        ratios.append(10 * np.log10(np.mean(samples**2) / np.mean(noise**2)) if noise.any() else np.inf)
    found = np.array([ratio for ratio in ratios if ratio < np.inf])
    assert len(found) == pytest.approx(200, abs=40)
    assert found.min() > 4.9
    assert found.max() < 15.1
    assert found.mean() == pytest.approx(10, abs=0.7)


def test_seeds(work):
    rng = np.random.default_rng(0)
    soundfile.write("noise.wav", rng.standard_normal(9000) * 0.1, 16000)
    preprocessor = CommonPreprocessor(train=True, noise_scp="noise.scp")

    def changed(seed):
        preprocessor.reseed(seed)
        return preprocessor("utt", {"speech": data_cases.speech()})["speech"]

    first, other = changed((1, 2)), changed((1, 3))
    np.testing.assert_array_equal(changed((1, 2)), first)
    assert (first != other).any()


@pytest.mark.parametrize(("part", "warned"), [(0.5, False), (0.7, True)])
def test_short_noise_is_repeated_and_told_of(work, caplog, part, warned):
    samples = np.ones(10000, dtype=np.float32)
    soundfile.write("noise.wav", np.random.default_rng(0).normal(0, 0.1, 6000), 16000, subtype="FLOAT")
    preprocessor = CommonPreprocessor(train=True, noise_scp="noise.scp", short_noise_thres=part)
    noise = preprocessor("utt", {"speech": samples})["speech"] - samples
    assert np.allclose(noise[:4000], noise[6000:], atol=1e-5) and noise.any()
    assert ("noise.wav: much shorter than the speech: 6000 of 10000 samples" in caplog.text) == warned


@pytest.mark.parametrize("frames", [3000, 40000])
def test_noise_of_another_rate_is_resampled(work, frames):
    times = np.arange(frames) / 8000
    soundfile.write("noise.wav", np.sin(2 * np.pi * 1000 * times) * 0.1, 8000, subtype="FLOAT")
    samples = np.full(16000, 1e-3)
    preprocessor = CommonPreprocessor(train=True, noise_scp="noise.scp", noise_db_range="-20", fs=16000)
    noise = preprocessor("utt", {"speech": samples})["speech"] - samples
    assert np.argmax(np.abs(np.fft.rfft(noise))) == pytest.approx(1000, abs=2)


CHAR = {"token_type": "char", "token_list": data_cases.TOKENS}
EFFECTS = {"data_aug_effects": [[1.0, "reverse", {}], [1.0, "corrupt_phase", {}]], "data_aug_prob": 1.0, "fs": 8000}
REFUSED = {
    "no token list": ({"token_type": "char"}, "token_list: expected the tokens of token_type char, found None"),
    "no unknown symbol": (
        CHAR | {"unk_symbol": "<oov>"},
        "token list: expected the unknown symbol '<oov>', found none",
    ),
    "token twice": (
        CHAR | {"token_list": ["<unk>", "a", "a"]},
        "token list: expected each token once, found 'a' again",
    ),
    "no token list file": (CHAR | {"token_list": "none"}, "none: expected a token list in UTF-8, found No such file"),
    "token type": (CHAR | {"token_type": "x"}, "token_type: expected one of bpe, char, word, phn,"),
    "cleaner": (CHAR | {"text_cleaner": ["x"]}, "cleaner: expected one of tacotron"),
    "g2p": (CHAR | {"token_type": "phn", "g2p_type": "g2p_x"}, "g2p: expected one of None"),
    "effects": (
        EFFECTS | {"data_aug_effects": [[0.1, "x", {}]]},
        "data_aug_effects: unknown effects 'x'; known ones: ",
    ),
    "number of effects": (
        EFFECTS | {"data_aug_num": [1, 3]},
        "expected two numbers from 0 to 2, in order, found [1, 3]",
    ),
    "chance of effects": (EFFECTS | {"data_aug_prob": 2}, "data_aug_prob: expected a probability from 0 to 1"),
    "rate of effects": (
        EFFECTS | {"fs": 0},
        "which data_aug_effects need, found 0",
    ),
    "prompt": ({"use_lang_prompt": True}, "use_lang_prompt: expected False, as nothing here uses it, found True"),
    "size": ({"min_sample_size": 5}, "min_sample_size: expected -1, as nothing here uses it, found 5"),
    "range": ({"noise_scp": "noise.scp", "noise_db_range": "a_b"}, "noise_db_range: expected 'low_high' or one number"),
    "ranges": ({"noise_scp": "noise.scp", "noise_db_range": "1_2_3"}, "noise_db_range: expected 'low_high' or one"),
    "probability": ({"rir_scp": "rir.scp", "rir_apply_prob": 2}, "rir_apply_prob: expected a probability from 0 to 1"),
    "no list": ({"noise_scp": "none"}, "none: expected a text file in UTF-8, found No such file or directory"),
    "empty list": ({"rir_scp": "empty"}, "empty: expected a recording on each line, found an empty file"),
}


@pytest.mark.parametrize(("options", "sentence"), REFUSED.values(), ids=REFUSED)
def test_options_that_are_refused(work, options, sentence):
    (work / "empty").write_text("")
    with pytest.raises(EspnetError) as error:
        CommonPreprocessor(train=True, **options)
    assert sentence in str(error.value)


def test_effects_are_drawn_anew_and_again_for_a_seed():
    speech = np.random.RandomState(0).uniform(-0.1, 0.1, 800).astype(np.float32)
    preprocessor = CommonPreprocessor(train=True, **EFFECTS)
    drawn = []
    for key in (*range(8), 0):
        preprocessor.reseed([key])
        before = np.random.get_state()[1].copy(), random.getstate()
        drawn.append(preprocessor("utt", {"speech": speech})["speech"])
        assert (np.random.get_state()[1] == before[0]).all() and random.getstate() == before[1]
    reversed_ = [np.array_equal(one, speech[::-1]) for one in drawn]
    assert 0 < sum(reversed_) < len(drawn) and np.array_equal(drawn[0], drawn[-1])
    assert all(one.dtype == np.float32 and one.shape == speech.shape for one in drawn)
    never = CommonPreprocessor(train=True, **EFFECTS | {"data_aug_prob": 0.0})
    assert np.array_equal(never("utt", {"speech": speech})["speech"], speech)
    assert np.array_equal(CommonPreprocessor(train=False, **EFFECTS)("utt", {"speech": speech})["speech"], speech)


BROKEN_NOISE = {
    "missing": ("none.wav", "none.wav: expected a recording (WAV, FLAC, Ogg, ...), found no such file"),
    "no recording": ("noise.scp", "noise.scp: expected a recording (WAV, FLAC, Ogg, ...), found "),
    "stereo": ("stereo.wav", "stereo.wav: expected samples of one channel, found an array of (50, 2)"),
    "empty": ("nothing.wav", "nothing.wav: expected samples of one channel, found an array of (0, 1)"),
}


@pytest.mark.parametrize(("path", "sentence"), BROKEN_NOISE.values(), ids=BROKEN_NOISE)
@pytest.mark.parametrize("option", ["noise_scp", "rir_scp"])
def test_rooms_and_noise_that_cannot_be_used(work, option, path, sentence):
    soundfile.write("stereo.wav", np.zeros((50, 2)), 8000)
    soundfile.write("nothing.wav", np.zeros(0), 8000)
    (work / "list").write_text(f"{path}\n")
    with pytest.raises(EspnetError) as error:
        CommonPreprocessor(train=True, **{option: "list"})("utt", {"speech": np.ones(2000)})
    assert sentence in str(error.value)


def test_utterances_that_cannot_be_used(work):
    with pytest.raises(DataError, match="utt: expected a text with at least one token, found ''"):
        CommonPreprocessor(train=True, **CHAR)("utt", {"text": ""})
    with pytest.raises(
        EspnetError, match=r"utt: expected speech of one channel for rooms, noise, effects; found \(9, 2\)"
    ):
        CommonPreprocessor(train=True, rir_scp="rir.scp")("utt", {"speech": np.ones((9, 2))})
