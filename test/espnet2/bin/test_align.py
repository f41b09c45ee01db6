"""Texts aligned with recordings that say them, by the demo's bundle and by a tiny model of OWSM-CTC's kind."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2.bin.align import ForcedAligner, main
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime import Speech2Text

NEEDS_TORCH = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")


@pytest.fixture
def joined(demo_dir, tmp_path, monkeypatch):
    """Two recordings with half a second between them and their texts; the seconds where the second begins."""
    monkeypatch.chdir(tmp_path)
    recordings = demo_dir / "recordings"
    lines = [line.split(" ", 1) for line in (recordings / "text").read_text(encoding="utf-8").splitlines()[:2]]
    parts = [soundfile.read(recordings / f"{name}.flac")[0] for name, _ in lines]
    pause = np.random.default_rng(0).standard_normal(8000) * 1e-4
    soundfile.write("both.wav", np.concatenate([parts[0], pause, parts[1]]), 16000)
    Path("text").write_text("".join(f"{text}\n\n" for _, text in lines), encoding="utf-8")
    return [text for _, text in lines], len(parts[0]) / 16000 + 0.5


def test_utterances_and_words_have_the_times_of_what_is_recognised(demo_bundle, joined):
    texts, second = joined
    speech2text = Speech2Text(demo_bundle, ctc_weight=1.0, lm_weight=0.0, timestamps="word")
    segments = ForcedAligner(speech2text)("both.wav", texts)
    assert [segment.text for segment in segments] == texts
    assert segments[0].end <= second - 0.2 <= segments[1].start
    assert all(0.3 < token.score <= 1 for segment in segments for token in segment.tokens)
    (result, *_) = speech2text(soundfile.read("both.wav")[0])
    assert result.text == " ".join(texts)
    expected = [(word.text, word.start, word.end) for word in speech2text.times(result)]
    words = [word for segment in segments for word in segment.words]
    assert [(word.text, word.start, word.end) for word in words] == expected


def test_the_command_writes_segments_and_words(demo_bundle, joined, capsys):
    texts, _ = joined
    options = ["--bundle", str(demo_bundle), "--audio", "both.wav", "--text", "text"]
    assert main(options) == 0
    lines = [line.split(" ", 5) for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["both_0000", "both_0001"] and [line[5] for line in lines] == texts
    assert main([*options, "--unit", "word", "--output", "words.ctm"]) == 0
    words = [line.split() for line in Path("words.ctm").read_text(encoding="utf-8").splitlines()]
    assert [word[4] for word in words] == " ".join(texts).split()
    assert {word[0] for word in words} == {"both"}


def test_parts_of_a_long_recording_are_joined(demo_bundle, joined):
    texts, _ = joined
    whole = ForcedAligner(bundle=demo_bundle)("both.wav", texts)
    cut = ForcedAligner(bundle=demo_bundle, memory_limit=0.02)("both.wav", texts)
    starts = [[token.start for segment in found for token in segment.tokens] for found in (whole, cut)]
    assert starts[1] == pytest.approx(starts[0], abs=0.09)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([" ", ""], "text: expected at least one utterance, found none"),
        (["zero"] * 200, "text: expected tokens that [0-9]+ frames of the recording have room for, found [0-9]+"),
        (["zero", "ünï"], "text: utterance 2: expected tokens of the model, found "),
    ],
)
def test_texts_that_cannot_be_aligned(demo_bundle, joined, texts, message):
    with pytest.raises(DataError, match=message):
        ForcedAligner(bundle=demo_bundle)("both.wav", texts)


def test_options_that_are_refused(demo_bundle, joined):
    with pytest.raises(OptionError, match="lang_sym: expected none beside a model, found one"):
        ForcedAligner(Speech2Text(demo_bundle), lang_sym="<eng>")
    with pytest.raises(OptionError, match="fs: expected the model's rate, 16000, found 8000"):
        ForcedAligner(bundle=demo_bundle)(np.zeros(16000), ["zero"], fs=8000)


@NEEDS_TORCH
def test_no_model():
    with pytest.raises(OptionError, match="expected a file"):
        ForcedAligner(untrained=False)


@NEEDS_TORCH
def test_a_model_of_many_tasks(tmp_path):
    import s2t_ctc_cases as cases

    files = cases.write_model(tmp_path, "conditioned")
    aligner = ForcedAligner(**files, lang_sym="<eng>", task_sym="<asr>")
    speech = cases.recording(31.7)
    (segment,) = aligner(speech, ["abc de"])
    assert [token.text for token in segment.tokens] == ["a", "b", "c", "<space>", "d", "e"]
    assert [word.text for word in segment.words] == ["abc", "de"]
    best = aligner.recognizer.ctc_log_probs(speech, lang_sym="<eng>", task_sym="<asr>")
    path = np.zeros(len(best), int)
    for token in segment.tokens:
        path[round(token.start / 0.08) : round(token.end / 0.08)] = cases.TOKENS.index(token.text)
    assert np.isfinite(best[np.arange(len(path)), path]).all() and segment.end <= 31.7
