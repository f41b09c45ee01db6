"""Times of tokens and words: from frames, of a small bundle, of real models, and as the command writes them."""

import numpy as np
import pytest
import soundfile
from manifests import with_section

from espnet2.bin.asr_inference_onnx import main
from espnet2.interface.errors import OptionError
from espnet2.interface.spec import Component, Length, OutputLength, Tensor
from espnet2.runtime import Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.session import OnnxGraph
from espnet2.runtime.timestamps import Timed, Timestamps, ctm_fields, frame_seconds, make_timestamps, timed_line
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer
from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

RATE = 100
OPTIONS = {"ctc_weight": 1.0, "beam_size": 3, "num_threads": 1}
TRANSDUCER = {"joint_step": None}  # only the names of graphs count


@pytest.fixture
def slow_bundle(tmp_path, manifest, onnx_files):
    """The small bundle for speech of 100 samples, and as many frames, per second."""
    files = {name: onnx_files / name for name in ("encoder.onnx", "ctc.onnx")}
    return Bundle.write(tmp_path / "slow", with_section(manifest, sample_rate=RATE), files)


def spans(count):
    return [(place, place + 1) for place in range(count)]


def test_words_of_pieces(demo_dir):
    tokenizer = SentencepiecesTokenizer(demo_dir / "exp" / "asr" / "bpe.model")
    tokens = ["e", "\u2581", "ze", "ro", "\u2581", "\u2581one"]
    times = Timestamps("word", 0.5, tokenizer).times(tokens, spans(6))
    assert times == [Timed("e", 0.0, 0.5), Timed("zero", 0.5, 2.0), Timed("one", 2.5, 3.0)]
    assert tokenizer.words([]) == []


@pytest.mark.parametrize(
    ("tokenizer", "tokens", "expected"),
    [
        (CharTokenizer(), "a b <space> <space> c", [("ab", 0, 2), ("c", 4, 5)]),
        (PhonemeTokenizer(None), "<space> HH AW1 <space>", [("HHAW1", 1, 3)]),
        (WordTokenizer(), "one two", [("one", 0, 1), ("two", 1, 2)]),
        (CharTokenizer(), "", []),
    ],
)
def test_words(tokenizer, tokens, expected):
    tokens = tokens.split()
    assert Timestamps("word", 1.0, tokenizer).times(tokens, spans(len(tokens))) == expected
    tokenwise = [(token, place, place + 1) for place, token in enumerate(tokens)]
    assert Timestamps("token", 1.0, tokenizer).times(tokens, spans(len(tokens))) == tokenwise


def test_unknown_frames_give_no_times():
    assert Timestamps("token", 1.0).times(["a"], ()) == []


@pytest.mark.parametrize(
    ("unit", "graphs", "tokenizer", "seconds", "found"),
    [
        (
            "word",
            {"decoder_step": None},
            WordTokenizer(),
            0.04,
            "none, since the model is no transducer and has no CTC",
        ),
        ("word", TRANSDUCER, None, 0.04, "token, since the model's tokenizer is not known"),
        ("token", TRANSDUCER, None, None, "none, since the model reads features, not samples"),
    ],
)
def test_what_cannot_be_told(unit, graphs, tokenizer, seconds, found):
    with pytest.raises(OptionError) as error:
        make_timestamps(DecodeOptions(timestamps=unit), graphs, tokenizer, seconds)
    assert str(error.value) == f"timestamps: expected {found}; found {unit!r}"
    assert make_timestamps(DecodeOptions(), graphs, tokenizer, seconds) is None


def test_a_transducers_search_knows_its_frames():
    made = make_timestamps(DecodeOptions(timestamps="token"), TRANSDUCER, None, 0.04)
    assert made.aligner() is None
    times = made.times(list("abcd"), [(25, 26), (25, 26), (28, 29), (50, 51)])
    expected = [(1.0, 1.04), (1.0, 1.12), (1.12, 1.32), (2.0, 2.2)]
    assert [timed[1:] for timed in times] == [pytest.approx(span) for span in expected]


@pytest.mark.parametrize(("axis", "seconds"), [("samples", 0.08), ("frames_in", None)])
def test_seconds_between_frames(axis, seconds):
    tensors = Tensor("speech", ("batch", axis)), Tensor("encoder_out", ("batch", "frames"))
    length = Length.conv(160, 160).then(Length.conv(3, 2)).then(Length.conv(5, 4))
    component = Component(
        "encoder", "encode", *((t,) for t in tensors), lengths=(OutputLength("frames", axis, length),)
    )
    assert frame_seconds(component, 16000) == seconds


def test_lines():
    times = [Timed("zero", 0.12, 0.4), Timed("x\u3000y", 1.0, 1.125)]
    assert timed_line(times[:1] * 2) == "zero[0.12-0.40] zero[0.12-0.40]"
    assert [ctm_fields(timed) for timed in times] == ["1 0.120 0.280 zero", "1 1.000 0.125 x_y"]


@pytest.mark.parametrize("search", [{}, {"ctc_greedy": True}, {"time_sync": True}])
def test_times_of_a_small_bundle(slow_bundle, say, search):
    speech = say(0, 2, 3, 4, 0, 2)
    recognizer = Speech2Text(slow_bundle, timestamps="word", **OPTIONS, **search)
    (result, *_) = recognizer(speech)
    assert list(result.hypothesis.frames) == [(3, 6), (6, 9), (9, 12), (15, 18)]
    assert recognizer.times(result) == [Timed("a日", 0.03, 0.09), Timed("a", 0.15, 0.18)]
    without = Speech2Text(slow_bundle, **OPTIONS)
    assert without(speech)[0].hypothesis.frames == ()
    with pytest.raises(OptionError, match="timestamps: expected token or word, found 'none'"):
        without.times(result)


@pytest.mark.parametrize("search", [{}, {"ctc_greedy": True}, {"time_sync": True}])
def test_ctc_runs_once(search, slow_bundle, say, monkeypatch):
    speech, ran = say(0, 2, 3, 4, 0, 2), []
    run = OnnxGraph.__call__

    def counted(self, feeds):
        ran.append(self.component.name)
        return run(self, feeds)

    recognizer = Speech2Text(slow_bundle, timestamps="word", **OPTIONS, **search)
    expected = recognizer(speech)[0].hypothesis.frames
    monkeypatch.setattr(OnnxGraph, "__call__", counted)
    for _ in range(2):
        assert recognizer(speech)[0].hypothesis.frames == expected
    assert ran == 2 * ["encoder", "ctc"]


def test_the_command_says_when(slow_bundle, say, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", say(0, 2, 3, 4, 2), RATE, subtype="PCM_16")
    command = ["--bundle", "slow", "--ctc_weight", "1", "--beam_size", "3", "a.wav"]
    assert main([*command, "--timestamps", "token"]) == 0
    assert capsys.readouterr().out == "a[0.03-0.06] 日[0.06-0.09] <space>[0.09-0.12] a[0.12-0.15]\n"
    assert main([*command, "--timestamps", "word", "--nbest", "2", "--output_dir", "out"]) == 0
    lines = (tmp_path / "out" / "1best_recog" / "ctm").read_text(encoding="utf-8").splitlines()
    assert lines == ["a 1 0.030 0.060 a日", "a 1 0.120 0.030 a"]
    assert (tmp_path / "out" / "2best_recog" / "ctm").is_file()
    assert main([*command, "--output_dir", "out"]) == 0
    assert not list((tmp_path / "out").glob("*/ctm"))


def spoken_parts(speech: np.ndarray, rate: int) -> list[tuple[float, float]]:
    """Seconds [start, end) of what is louder than -72 dB, with at least 40 ms of silence between."""
    width = rate // 200
    power = np.square(speech[: len(speech) // width * width]).reshape(-1, width).mean(axis=1)
    edges = np.flatnonzero(np.diff(power > 10**-7.2, prepend=False, append=False)).reshape(-1, 2)
    gaps = np.flatnonzero(edges[1:, 0] - edges[:-1, 1] >= 8)
    starts, ends = edges[np.append(0, gaps + 1), 0], edges[np.append(gaps, len(edges) - 1), 1]
    return [(start * width / rate, end * width / rate) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize(
    ("model", "options", "start_error", "end_error"),
    [
        ("asr_conformer", {"ctc_weight": 0.3}, 0.07, 0.08),
        ("asr_streaming", {"ctc_weight": 0.3}, 0.07, 0.06),
        ("asr_transducer", {"transducer_conf": {"search_type": "greedy"}}, 0.07, 0.2),
    ],
)
def test_words_are_where_they_are_spoken(fixtures_dir, model, options, start_error, end_error):
    """Recordings of digits with pauses between them; median errors in seconds, of frames of 0.04."""
    pytest.importorskip("torch")
    from espnet2.bin.asr_inference import Speech2Text as TorchSpeech2Text

    directory = fixtures_dir / "models" / model
    (weights,) = directory.glob("*.ave.pth")
    recognizer = TorchSpeech2Text(directory / "config.yaml", weights, **options, beam_size=5, timestamps="word")
    errors = []
    for path in sorted((fixtures_dir / "data" / "test_seen" / "flac").iterdir())[:10]:
        speech, rate = soundfile.read(path, dtype="float32")
        found, expected = recognizer.times(recognizer(speech)[0]), spoken_parts(speech, rate)
        if len(found) == len(expected):
            errors += [[t.start - s, t.end - e] for t, (s, e) in zip(found, expected, strict=True)]
    assert len(errors) > 30
    start, end = np.median(np.abs(errors), axis=0)
    assert start < start_error
    assert end < end_error
