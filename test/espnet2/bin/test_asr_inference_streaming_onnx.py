"""The command line of streams over a small bundle: lines that grow, standard input, files, and mistakes."""

import io
import sys

import numpy as np
import pytest
import soundfile

from espnet2.bin.asr_inference_streaming_onnx import get_parser, main
from espnet2.runtime.writers.search import CLEAR

SEARCH = ["--ctc_greedy", "true", "--num_threads", "1"]
FRAME_MS = "0.1875"  # three samples


@pytest.fixture
def work(tmp_path, streaming_bundle, tiny_bundle, say, monkeypatch):
    """A working directory with bundles and recordings."""
    monkeypatch.chdir(tmp_path)
    for name, tokens in {"a.wav": (2, 3), "b.flac": (2, 4, 2), "c.wav": (3,)}.items():
        soundfile.write(name, say(*tokens), 16000, subtype="PCM_16")
    (tmp_path / "wav.scp").write_text("utt1 a.wav\nutt2 b.flac\nutt3 c.wav\n", encoding="utf-8")
    return tmp_path


def recognise(*arguments):
    return main(["--bundle", "streams", *SEARCH, *map(str, arguments)])


class Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def pcm(speech):
    return np.round(speech * 2**15).astype("<i2").tobytes()


@pytest.mark.parametrize("chunk", [FRAME_MS, 0.0625, 320])
def test_lines_grow(work, capsys, chunk):
    assert recognise("b.flac", "--chunk_ms", chunk) == 0
    out = capsys.readouterr().out
    assert out == ("a a\n" if chunk == 320 else "a\na a\n")


def test_lines_of_several_recordings_correspond(work, capsys):
    assert recognise("b.flac", "missing.wav", "c.wav", "--chunk_ms", FRAME_MS) == 1
    assert capsys.readouterr().out == "a a\n\n日\n"
    assert recognise("b.flac", "missing.wav", "c.wav", "--chunk_ms", FRAME_MS, "--batch_size", 3) == 1
    assert capsys.readouterr().out == "a a\n\n日\n"


def test_a_line_grows_in_its_place_on_a_terminal(work, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert recognise("b.flac", "c.wav", "--chunk_ms", FRAME_MS) == 0
    assert capsys.readouterr().out.replace(CLEAR, "|") == "|a|a a\n|日\n"


def test_standard_input(work, capsys, monkeypatch, say):
    monkeypatch.setattr(sys, "stdin", Stdin(pcm(say(2, 3, 0, 2)) + b"\0"))
    assert recognise("-", "--chunk_ms", FRAME_MS, "--timestamps", "token") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.count("[") for line in lines] == [1, 2, 3]
    assert lines[-1] == "a[0.00-0.00] 日[0.00-0.00] a[0.00-0.00]"


def test_standard_input_is_raw(work, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin((work / "a.wav").read_bytes()))
    assert recognise("-") == 2
    assert "-: expected raw samples of 16 bits, found a recording with a header" in capsys.readouterr().err


def test_standard_input_may_be_closed(work, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert recognise("-") == 2
    assert "-: expected raw samples of 16 bits, found that standard input is closed" in capsys.readouterr().err


def test_a_list_is_decoded_as_a_recipe_does(work, capsys):
    soundfile.write("stereo.wav", np.ones((50, 2)) / 10, 16000)
    soundfile.write("short.wav", np.ones(2) / 10, 16000)
    soundfile.write("nan.wav", np.array([0.1, np.nan, 0.1]), 16000, subtype="FLOAT")
    names = ["a", "stereo", "short", "nan", "c"]
    (work / "wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in names), encoding="utf-8")
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--output_dir", "out", "--batch_size", 2]
    assert recognise(*listed, "--timestamps", "word") == 1
    best = work / "out" / "1best_recog"
    assert (best / "text").read_text(encoding="utf-8") == "a a日\nc 日\n"
    assert (best / "ctm").read_text(encoding="utf-8").splitlines()[0] == "a 1 0.000 0.000 a日"
    failures = dict(line.split("\t") for line in (work / "out" / "failures").read_text(encoding="utf-8").splitlines())
    assert failures["stereo"].startswith("stereo.wav: expected one channel, found 2")
    assert failures["short"] == "short.wav: expected at least 3 samples in a stream, found 2"
    assert failures["nan"] == "nan.wav: expected finite numbers, found NaN or infinity"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "recognised 2 of 5 recordings" in captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "expected recordings or --data_path_and_name_and_type, found neither"),
        (
            ["a.wav", "--chunk_ms", "0"],
            "--chunk_ms: expected a number of milliseconds above 0, a day (86400000) at most, found 0",
        ),
        (["a.wav", "--chunk_ms", "nan"], "above 0, a day (86400000) at most, found nan"),
        (["a.wav", "--chunk_ms", "inf"], "above 0, a day (86400000) at most, found inf"),
        (["a.wav", "--bundle", "bundle"], "expected a component 'encoder_step', found encoder, ctc; it is for Speech2"),
        (["a.wav", "--ctc_greedy", "false", "--partial_ar", "true"], "partial_ar: expected a search that works on a"),
    ],
)
def test_mistakes(work, capsys, arguments, sentence):
    assert recognise(*arguments) == 2
    captured = capsys.readouterr()
    last = captured.err.splitlines()[-1]
    assert last.startswith("python -m espnet2.bin.asr_inference_streaming_onnx: ")
    assert sentence in last
    assert captured.out == ""


def test_defaults():
    args = get_parser().parse_args(["--bundle", "b"])
    assert (args.chunk_ms, args.beam_size, args.ctc_weight, args.nbest) == (320.0, 20, 0.5, 1)
