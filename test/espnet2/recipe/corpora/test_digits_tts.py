"""Digits for synthesis: durations add up, and letters begin where their sounds do."""

import numpy as np
import pytest
import soundfile

from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import OptionError
from espnet2.recipe.corpora.digits_tts import make_digits_tts, recording, starts
from espnet2.recipe.corpora.espeak import Aligned, Manner, speak_aligned


def test_letters_share_the_time_of_their_phonemes():
    assert starts(["one"], [[0, 30]], 60) == [0, 20, 40]
    found = starts(["six", "two"], [[0, 10, 20], [40, 50]], 70)
    assert found == [0, 10, 20, 36, *found[4:]] and found[4] == 40 and found[6] < 70


def test_every_frame_belongs_to_a_letter():
    spoken = Aligned(np.concatenate([np.full(8000, 0.1), np.zeros(4000)]).astype(np.float32), 16000, [[0, 4000]])
    samples, frames = recording("one", spoken, 256)
    assert len(frames) == 4 and sum(frames) == len(samples) // 256 + 1
    assert np.abs(samples).max() == pytest.approx(0.5)


def test_espeak_tells_where_phonemes_begin():
    pytest.importorskip("espeakng_loader")
    spoken = speak_aligned("three seven", Manner("en-us+m3", 140, 50, 2))
    assert [len(word) for word in spoken.words] == [3, 5]
    places = [place for word in spoken.words for place in word]
    assert places == sorted(places) and places[0] >= 0 and places[-1] < len(spoken.samples)


def test_data_directories_have_durations(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader")
    monkeypatch.chdir(tmp_path)
    make_digits_tts("audio", "data", hop=200, counts={"train": 3, "valid": 1, "test": 1})
    texts, durations = (read_2columns_text(tmp_path / "data/train" / name) for name in ("text", "durations"))
    for key, path in read_2columns_text(tmp_path / "data/train/wav.scp").items():
        samples, rate = soundfile.read(path)
        frames = list(map(int, durations[key].split()))
        assert rate == 16000 and len(frames) == len(texts[key]) + 1 and sum(frames) == len(samples) // 200 + 1


def test_unknown_sets_are_named(tmp_path):
    with pytest.raises(OptionError, match="counts: expected at least one of train, valid, test, found dev=3"):
        make_digits_tts(tmp_path, tmp_path, counts={"dev": 3})
