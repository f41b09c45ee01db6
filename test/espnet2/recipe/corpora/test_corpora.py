"""Corpora in miniature: their data directories are valid."""

import shutil

import numpy as np
import pytest
import soundfile

from espnet2.bin.prepare_corpus import main as prepare
from espnet2.recipe.corpora import digits
from espnet2.recipe.validate import validate_data_dir


def recording(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(160), 16000, format="WAV")


@pytest.fixture
def an4(tmp_path):
    root = tmp_path / "corpus" / "an4"
    (root / "etc").mkdir(parents=True)
    parts = {
        "train": ["an4_clstk/fash/an251-fash-b", "an4_clstk/fash/cen1-fash-b", "an4_clstk/abcd/an1-abcd-b"],
        "test": ["an4test_clstk/mmxg/an9-mmxg-b"],
    }
    for part, names in parts.items():
        (root / "etc" / f"an4_{part}.fileids").write_text("".join(f"{name}\n" for name in names))
        lines = [f"<s> YES {name[-1].upper()}  NO </s> ({name.split('/')[-1]})\n" for name in names]
        (root / "etc" / f"an4_{part}.transcription").write_text("".join(lines))
        for name in names:
            recording(root / "wav" / f"{name}.wav")
    return root.parent


def test_an4(an4, tmp_path):
    assert prepare(["an4", "--corpus", str(an4), "--data", str(tmp_path / "data")]) == 0
    found = {name: validate_data_dir(tmp_path / "data" / name) for name in ("train_nodev", "train_dev", "test")}
    assert [one.utterances for one in found.values()] == [
        ["fash-an251-fash-b", "fash-cen1-fash-b"],
        ["abcd-an1-abcd-b"],
        ["mmxg-an9-mmxg-b"],
    ]
    assert found["test"].tables == {"text": {"mmxg-an9-mmxg-b": "YES B NO"}, "utt2spk": {"mmxg-an9-mmxg-b": "mmxg"}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda etc: (etc / "an4_test.fileids").unlink(), "an4_test.fileids: expected a list of AN4, found No such"),
        (
            lambda etc: (etc / "an4_test.transcription").write_text("YES\n"),
            "an4_test.transcription, line 1: expected 'WORDS (recording)', found 'YES'",
        ),
        (
            lambda etc: (etc / "an4_test.transcription").write_text("YES (other)\n"),
            "an4_test.fileids, line 1: expected a recording with a transcription, found 'an9-mmxg-b'",
        ),
        (lambda etc: shutil.rmtree(etc.parent / "wav"), "an4_train.fileids, line 1: expected a recording"),
    ],
)
def test_what_an4_lacks_is_named(an4, tmp_path, capsys, change, message):
    change(an4 / "an4" / "etc")
    assert prepare(["an4", "--corpus", str(an4), "--data", str(tmp_path / "data")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.fixture
def librispeech(tmp_path):
    for part in ("dev-clean", "train-clean-100"):
        chapter = tmp_path / "corpus" / "LibriSpeech" / part / "84" / "121"
        for index in range(2):
            recording(chapter / f"84-121-000{index}.flac")
        (chapter / "84-121.trans.txt").write_text("84-121-0000 GO ON\n84-121-0001 NO\n")
    return tmp_path / "corpus"


def test_librispeech(librispeech, tmp_path):
    parts = ["--parts", "train-clean-100", "dev-clean"]
    assert prepare(["librispeech", "--corpus", str(librispeech), "--data", str(tmp_path / "data"), *parts]) == 0
    for name in ("train_clean_100", "dev_clean"):
        found = validate_data_dir(tmp_path / "data" / name)
        assert found.tables["text"] == {"84-121-0000": "GO ON", "84-121-0001": "NO"}
        assert set(found.tables["utt2spk"].values()) == {"84-121"}


def test_what_librispeech_lacks_is_named(librispeech, tmp_path, capsys):
    command = ["librispeech", "--corpus", str(librispeech), "--data", str(tmp_path / "data"), "--parts"]
    assert prepare([*command, "dev-clean", "test-other"]) == 2
    assert "LibriSpeech/test-other: expected speaker/chapter/*.trans.txt" in capsys.readouterr().err
    (librispeech / "LibriSpeech/dev-clean/84/121/84-121-0001.flac").unlink()
    assert prepare([*command, "dev-clean"]) == 2
    assert "84-121.trans.txt, line 2: expected a recording" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_digits_are_planned_the_same_with_the_same_seed():
    plan = digits.plan("train", digits.TRAIN, 200, seed=0)
    assert plan == digits.plan("train", digits.TRAIN, 200, seed=0)
    assert set(plan) > set(digits.plan("train", digits.TRAIN, 20, seed=0))
    assert plan != digits.plan("train", digits.TRAIN, 200, seed=1)
    test = digits.plan("test", digits.TEST, 50, seed=0)
    assert not {one.speaker for one in plan} & {one.speaker for one in test}
    assert not {one.manner.speed for one in plan} & {one.manner.speed for one in test}
    assert {len(one.text.split()) for one in plan} == set(range(1, digits.LONGEST + 1))


@pytest.fixture
def spoken(monkeypatch):
    """A stand-in for espeak-ng: a tone as long as the text, with silence behind it."""

    def speak(text, manner):
        tone = np.sin(np.arange(22050 * len(text) // 20) * 0.1 * manner.pitch / 50).astype(np.float32)
        return np.pad(tone, (0, 2000)), 22050

    monkeypatch.setattr(digits, "speak", speak)


def test_noise_and_silences_are_as_planned(spoken):
    for one in digits.plan("train", digits.TRAIN, 8, seed=0):
        samples = digits.render(one)
        assert np.array_equal(samples, digits.render(one)) and samples.dtype == np.float32
        assert np.abs(samples).max() == pytest.approx(one.level, rel=1e-3)
        before = round(one.silences[0] * digits.FS)
        noise, speech = np.mean(samples[:before] ** 2), np.mean(samples[before + 100 : before + 2000] ** 2)
        assert 10 * np.log10(speech / noise) == pytest.approx(one.snr, abs=1.5)


def test_kaldi_directories_are_copied_with_paths_that_exist(tmp_path, monkeypatch):
    root = tmp_path / "corpus"
    recording(root / "train" / "u.wav")
    wav = "u u.wav\nv cat u.wav |\n"
    for name, text in (("wav.scp", wav), ("text", "u one\nv two\n"), ("utt2spk", "u s\nv s\n")):
        (root / "train" / name).write_text(text)
    command = ["kaldi", "--corpus", str(root), "--data", str(tmp_path / "data"), "--sets", "train", "--suffix", "_real"]
    assert prepare(command) == 2
    (root / "lm_train").mkdir()
    (root / "lm_train" / "text").write_text("l one two\n")
    assert prepare(command) == 0
    assert validate_data_dir(tmp_path / "data" / "train_real").wav == {
        "u": str(root / "train" / "u.wav"),
        "v": "cat u.wav |",
    }
    assert (tmp_path / "data" / "lm_train_real" / "text").read_text() == "l one two\n"
