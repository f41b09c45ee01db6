"""The command `espnet` on the demo recogniser, its messages, and models that are exported on first use."""

import contextlib
import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from espnet2.bin import cli
from espnet2.fileio.pieces import Pieces
from espnet2.interface.errors import AudioError, MissingPackageError

RATE = 16000
NAMES = ("en-gb_m4-test-00001", "en-029_m4-test-00023", "en-gb_f3-test-00025")
SILENCE = 0.8  # seconds between the utterances of a recording
FRAME = 0.04  # seconds of an encoder frame
FAST = ("--options", "{beam_size: 3, lm_weight: 0.0}", "--num_threads", "1")


@pytest.fixture(scope="module")
def texts(demo_dir):
    lines = (demo_dir / "recordings" / "text").read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


@pytest.fixture(scope="module")
def recordings(demo_dir):
    return [demo_dir / "recordings" / f"{name}.flac" for name in NAMES]


@pytest.fixture(scope="module")
def joined(recordings, tmp_path_factory):
    """A recording of six utterances between silences, longer than 30 s by its end; and their times."""
    samples, times, at = [], [], 0.0
    for path in [*recordings, *recordings]:
        speech, _ = soundfile.read(path)
        samples += [np.zeros(int(SILENCE * RATE)), speech]
        start = at + SILENCE
        at = start + len(speech) / RATE
        times.append((start, at))
    path = tmp_path_factory.mktemp("joined") / "talk.wav"
    soundfile.write(path, np.concatenate([*samples, np.zeros(10 * RATE)]), RATE)
    return path, times


def run(capsys, *words):
    status = cli.main([str(word) for word in words])
    return status, *capsys.readouterr()


def test_texts_are_lines_with_names_where_there_are_several(demo_bundle, recordings, texts, capsys):
    status, out, err = run(capsys, "transcribe", demo_bundle, recordings[0], *FAST)
    assert (status, out) == (0, texts[NAMES[0]] + "\n")
    assert re.search(r"3\.\d s of speech in \d+\.\d s: real-time factor \d+\.\d{3}\n$", err)
    _, out, _ = run(capsys, "transcribe", demo_bundle, *recordings[:2], *FAST)
    lines = [f"{path}\t{texts[name]}\n" for path, name in zip(recordings[:2], NAMES, strict=False)]
    assert out == "".join(lines)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_words_and_options_come_in_any_order(demo_bundle, recordings, texts, capsys, place):
    words = [demo_bundle, recordings[0]]
    status, out, _ = run(capsys, "transcribe", *words[:place], *FAST, *words[place:])
    assert (status, out) == (0, texts[NAMES[0]] + "\n")


def test_a_directory_stands_for_its_recordings_and_a_dash_for_standard_input(
    demo_bundle, recordings, texts, tmp_path, capsys, monkeypatch
):
    shutil.copy(recordings[0], tmp_path)
    (tmp_path / "notes.txt").write_text("no recording")
    assert run(capsys, "transcribe", demo_bundle, tmp_path, *FAST)[1] == texts[NAMES[0]] + "\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(recordings[1].read_bytes())))
    assert run(capsys, "transcribe", demo_bundle, "-", *FAST)[1] == texts[NAMES[1]] + "\n"


def test_subtitles_have_the_times_of_the_utterances(demo_bundle, joined, texts, tmp_path, capsys):
    path, times = joined
    status, out, _ = run(
        capsys, "transcribe", demo_bundle, path, "-o", tmp_path, "--format", "json", "--word-timestamps", *FAST
    )
    assert (status, out) == (0, "")
    found = json.loads((tmp_path / "talk.json").read_text())
    assert [segment["text"] for segment in found["segments"]] == [texts[name] for name in (*NAMES, *NAMES)]
    np.testing.assert_allclose([(s["start"], s["end"]) for s in found["segments"]], times, atol=FRAME)
    for segment in found["segments"]:
        assert " ".join(word["text"] for word in segment["words"]) == segment["text"]
        assert all(segment["start"] - FRAME <= w["start"] < w["end"] <= segment["end"] for w in segment["words"])
    assert found["duration"] == pytest.approx(times[-1][1] + 10, abs=1e-3)


def test_known_texts_are_aligned(demo_bundle, recordings, texts, tmp_path, capsys):
    (tmp_path / "text").write_text(texts[NAMES[0]] + "\n")
    status, out, _ = run(capsys, "align", demo_bundle, recordings[0], "--text-file", tmp_path / "text", "-f", "srt")
    assert status == 0
    assert re.fullmatch(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n" + texts[NAMES[0]] + "\n\n", out)
    _, out, _ = run(capsys, "align", recordings[0], "--model", demo_bundle, "--text", texts[NAMES[0]])
    start, end, text = out.rstrip("\n").split("\t")
    assert (0 <= float(start) < float(end), text) == (True, texts[NAMES[0]])


def test_hotwords_are_read(demo_bundle, recordings, tmp_path, capsys):
    (tmp_path / "words").write_text("nine 20\n")
    _, out, _ = run(capsys, "transcribe", demo_bundle, recordings[0], "--hotwords", tmp_path / "words", *FAST)
    assert "nine" in out


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["BUNDLE", "nothing.wav"], 2, "nothing.wav: expected a recording (WAV, FLAC, Ogg, ...), found no such file"),
        (["BUNDLE", "empty"], 2, "empty: expected a directory with recordings (.wav, .flac, ...), found none"),
        (["BUNDLE", "silent.wav"], 2, "silent.wav: expected sound, found nothing but zeros"),
        (["BUNDLE", "a.wav", "silent.wav"], 1, "silent.wav: expected sound, found nothing but zeros"),
        (
            ["BUNDLE", "a.wav", "a.wav", "-f", "srt"],
            2,
            "--format: expected --output_dir with srt for 2 recordings",
        ),
        (["BUNDLE", "a.wav", "a.wav", "-o", "out"], 2, "--output_dir: expected recordings of different names"),
        (["BUNDLE", "a.wav", "--language", "eng"], 2, "--language: expected none, since the model is of one language"),
        (["BUNDLE", "wav.scp"], 2, "wav.scp: expected recordings, or --ray with a list of them, found a list alone"),
        (["BUNDLE", "-", "-"], 2, "recordings: expected standard input once, found it twice"),
        (["empty", "a.wav"], 2, "empty: expected a bundle"),  # without PyTorch, another sentence goes on
        (["BUNDLE", "a.wav", "--hotwords", "nothing"], 2, "nothing: expected a file of hotwords in UTF-8"),
        (["BUNDLE", "a.wav", "--pause", "nan"], 2, "--pause: expected a positive number of seconds, found nan"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    words, status, sentence, demo_bundle, recordings, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    soundfile.write("silent.wav", np.zeros(RATE), RATE)
    soundfile.write("a.wav", soundfile.read(recordings[0])[0][:RATE], RATE)
    given = [demo_bundle if word == "BUNDLE" else word for word in words]
    found, _, err = run(capsys, "transcribe", *given, *FAST)
    assert (found, sentence in err) == (status, True), err


def test_verbs_refuse_models_of_other_tasks(demo_bundle, recordings, capsys):
    for verb in ("translate", "phonemize"):
        status, _, err = run(capsys, verb, demo_bundle, recordings[0])
        assert (status, f"{verb}: expected a model" in err) == (2, True)


def test_models_need_pytorch_to_be_exported(demo_dir, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="expected a bundle, or PyTorch to export this model, found neither"):
        cli.bundle_of(str(demo_dir / "exp" / "asr"), None)


@pytest.mark.parametrize("size", [1, 7 * RATE])
def test_pieces_are_the_recording(tmp_path, size):
    speech = np.random.default_rng(0).uniform(-0.5, 0.5, (size, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", speech, RATE, subtype="FLOAT")
    with Pieces(tmp_path / "a.wav", RATE, "a") as pieces:
        np.testing.assert_allclose(np.concatenate([*pieces]), speech.mean(axis=1), atol=1e-7)
        assert pieces.seconds == size / RATE
    with Pieces(tmp_path / "a.wav", RATE // 2, "a") as pieces:
        assert len(np.concatenate([*pieces])) == pytest.approx(size / 2, abs=1)


def test_a_recording_that_is_cut_off_is_named(tmp_path):
    (tmp_path / "a.flac").write_bytes(b"fLaC")
    with pytest.raises(AudioError, match="talk: expected a recording"):
        Pieces(tmp_path / "a.flac", RATE, "talk")


def test_texts_are_spoken_by_the_command_of_synthesis(demo_bundle, monkeypatch):
    asked = []
    monkeypatch.setattr("espnet2.runtime.cli.synthesize.speak_with_bundle", lambda args: asked.append(args) or 0)
    assert cli.main(["tts", str(demo_bundle), "hello there", "-o", "a.wav", "--vocoder", "voice"]) == 0
    ((args,),) = [asked]
    assert (args.bundle, args.texts, args.output) == (str(demo_bundle), ["hello there"], "a.wav")
    assert (args.vocoder, args.ngpu, args.quantized, args.verb) == ("voice", 0, False, "synthesize")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["transcribe", "a.wav"], "transcribe: expected a model, then recordings, found a.wav alone"),
        (["transcribe", "a/b/c", "a.wav"], "a/b/c: expected a file or directory, found none here; model_tag 'a/b/c'"),
        (["align", "BUNDLE", "a.wav"], "align: expected --text or --text-file, found neither"),
        (["align", "BUNDLE", "a.wav", "--text", "a", "--text-file", "b"], "found both"),
        (["align", "BUNDLE", "a.wav", "b.wav", "--text", "a"], "align: expected one recording, found 2"),
        (["enhance", "BUNDLE", "a.wav"], "invalid choice: 'enhance'"),
    ],
)
def test_words_that_make_no_command(words, sentence, demo_bundle, capsys):
    given = [str(demo_bundle) if word == "BUNDLE" else word for word in words]
    with contextlib.suppress(SystemExit):
        assert cli.main(given) == 2
    assert sentence in capsys.readouterr().err


def test_names_of_recordings_forge_no_lines_and_reach_no_terminal(demo_bundle, recordings, texts, tmp_path, capsys):
    for name in ("\x1b[31mred.flac", "forged\tname\na.flac\tyes.flac", "bad\udcff.flac"):
        shutil.copy(recordings[0], tmp_path / name)
    status, out, _ = run(capsys, "transcribe", demo_bundle, tmp_path, recordings[0], *FAST)
    lines = out.splitlines()
    assert status == 0 and len(lines) == 4
    assert all(line.split("\t")[-1] == texts[NAMES[0]] and line.replace("\t", " ").isprintable() for line in lines)


def test_a_path_that_the_system_refuses_ends_no_list(demo_bundle, recordings, texts, capsys):
    status, out, err = run(capsys, "transcribe", demo_bundle, "x" * 5000, recordings[0], *FAST)
    assert (status, out) == (1, f"{recordings[0]}\t{texts[NAMES[0]]}\n")
    assert "File name too long" in err


@pytest.mark.parametrize("name", ["bundle", "num_threads", "device", "1"])
@pytest.mark.parametrize("verb", ["transcribe", "serve"])
def test_further_options_are_those_of_the_search(capsys, verb, name):
    with pytest.raises(SystemExit) as error:
        run(capsys, verb, "bundle", "recording", f"--options={{{name}: 2}}")
    found = "argument --options: expected names of options of inference, found "
    assert error.value.code == 2 and found in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        (
            ["--beam_size=2", "--options={beam_size: 3}"],
            "--options: expected no beam_size with --beam_size, found both",
        ),
        (["--output_dir={file}"], "--output_dir: expected a directory that can be written, found File exists: "),
        (["--output_dir={file}/a"], "--output_dir: expected a directory that can be written, found Not a directory: "),
    ],
)
def test_refused_before_anything_is_recognised(demo_bundle, recordings, tmp_path, capsys, options, message):
    (tmp_path / "file").write_text("mine")
    given = [option.replace("{file}", str(tmp_path / "file")) for option in options]
    status, out, err = run(capsys, "transcribe", demo_bundle, recordings[0], *given, "--num_threads", "1")
    assert (status, out, err.count("\n")) == (2, "", 1) and message in err
    assert (tmp_path / "file").read_text() == "mine"


def test_standard_input_that_is_closed(demo_bundle, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    status, _, err = run(capsys, "transcribe", demo_bundle, "-", *FAST)
    assert status == 2 and "standard input: expected a recording (WAV, FLAC, Ogg, ...), found that it is closed" in err


def test_a_text_with_halves_of_characters_is_not_aligned(demo_bundle, recordings, capsys):
    status, _, err = run(capsys, "align", demo_bundle, recordings[0], "--text", "\udcff", "--num_threads", "1")
    assert status == 2 and "text: utterance 1: expected tokens of the model, found" in err
