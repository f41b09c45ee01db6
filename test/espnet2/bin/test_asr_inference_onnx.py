"""The command line over a small bundle: output, files, exit status, and the sentence for every mistake."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import yaml

from espnet2.bin.asr_inference_onnx import get_parser, main
from espnet2.fileio.recording import Recording
from espnet2.runtime.asr import Recognizer

SEARCH = ["--ctc_weight", "1", "--beam_size", "3", "--num_threads", "1"]


@pytest.fixture
def work(tmp_path, tiny_bundle, say, monkeypatch):
    """A working directory with the bundle, three recordings and their list."""
    monkeypatch.chdir(tmp_path)
    for name, tokens in {"a.wav": (2, 3), "b.flac": (2, 4, 2), "c.wav": (3,)}.items():
        soundfile.write(name, say(*tokens), 16000, subtype="PCM_16")
    (tmp_path / "wav.scp").write_text("utt1 a.wav\nutt2 b.flac\nutt3 c.wav\n", encoding="utf-8")
    return tmp_path


def recognise(*arguments):
    return main(["--bundle", "bundle", *SEARCH, *map(str, arguments)])


def read(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_one_line_of_text_for_each_recording(work, capsys):
    assert recognise("a.wav", "b.flac", "a.wav") == 0
    assert capsys.readouterr().out == "a日\na a\na日\n"


def test_a_list_is_decoded_as_a_recipe_does(work, capsys):
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--output_dir", "out/decode"]
    assert recognise(*listed, "--nbest", 2, "--batch_size", 2) == 0
    best = work / "out" / "decode" / "1best_recog"
    assert read(best / "text") == ["utt1 a日", "utt2 a a", "utt3 日"]
    assert read(best / "token") == ["utt1 a 日", "utt2 a <space> a", "utt3 日"]
    assert read(best / "token_int") == ["utt1 2 3", "utt2 2 4 2", "utt3 3"]
    assert [line.partition("(")[0] for line in read(best / "score")] == [f"utt{n} tensor" for n in (1, 2, 3)]
    found = sorted(p.relative_to(work / "out" / "decode").as_posix() for p in (work / "out").rglob("*") if p.is_file())
    tables = ("score", "text", "token", "token_int")
    assert found == [f"{n}best_recog/{table}" for n in (1, 2) for table in tables]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "recognised 3 of 3 recordings" in captured.err
    assert "real-time factor" in captured.err


def test_key_file_chooses_and_orders(work):
    (work / "keys").write_text("utt3\nutt1 and more\n", encoding="utf-8")
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--key_file", "keys", "--output_dir", "out"]
    assert recognise(*listed) == 0
    assert read(work / "out" / "1best_recog" / "text") == ["utt3 日", "utt1 a日"]


def test_bad_recordings_do_not_stop_the_others(work, capsys):
    (work / "noise.wav").write_bytes(b"RIFF, and then nothing of use")
    soundfile.write("silence.wav", np.zeros(50), 16000)
    soundfile.write("stereo.wav", np.ones((50, 2)) / 10, 16000)
    soundfile.write("short.wav", np.ones(2) / 10, 16000)
    names = ["a", "noise", "silence", "missing", "stereo", "short", "c"]
    (work / "wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in names), encoding="utf-8")
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--output_dir", "out", "--batch_size", 3]
    assert recognise(*listed) == 1
    assert read(work / "out" / "1best_recog" / "text") == ["a a日", "c 日"]
    failures = dict(line.split("\t") for line in read(work / "out" / "failures"))
    assert list(failures) == ["noise", "silence", "missing", "stereo", "short"]
    assert failures["silence"] == "silence.wav: expected sound, found nothing but zeros"
    assert failures["missing"].startswith("missing.wav: expected a recording (WAV, FLAC, Ogg, ...), found no such file")
    assert failures["stereo"].startswith("stereo.wav: expected one channel, found 2")
    assert failures["short"] == "short.wav: expected at least 3 samples, found 2"
    assert "5 of 7 recordings could not be recognised:\n  noise: noise.wav: expected" in capsys.readouterr().err
    (work / "wav.scp").write_text("a a.wav\n", encoding="utf-8")
    assert recognise(*listed) == 0
    assert not (work / "out" / "failures").exists()


def test_an_overflow_fails_alone(work, monkeypatch):
    soundfile.write("loud.wav", np.full(50, 1e20, np.float32), 16000, subtype="FLOAT")
    soundfile.write("huge.wav", np.full(50, 0.2, np.float32), 16000, subtype="FLOAT")
    search = Recognizer.search

    def overflow(self, encoder_out):
        if len(encoder_out) == 50:
            raise ValueError("expected scores that are numbers, found NaN")
        return search(self, encoder_out)

    monkeypatch.setattr(Recognizer, "search", overflow)
    (work / "wav.scp").write_text("loud loud.wav\na a.wav\nhuge huge.wav\nc c.wav\n", encoding="utf-8")
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--output_dir", "out", "--batch_size", 2]
    assert recognise(*listed) == 1
    assert read(work / "out" / "1best_recog" / "text") == ["a a日", "c 日"]
    failures = dict(line.split("\t") for line in read(work / "out" / "failures"))
    assert failures["loud"] == "loud.wav: expected numbers in [-1, 1), found one of size 1e+20"
    assert failures["huge"] == "huge.wav: expected scores that are numbers, found NaN"


def test_results_of_an_earlier_run_go(work):
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--output_dir", "out"]
    assert recognise(*listed, "--nbest", 2) == 0
    (work / "out" / "1best_recog" / "notes").touch()
    assert recognise(*listed) == 0
    assert not list((work / "out" / "2best_recog").iterdir())
    (work / "wav.scp").write_text("x missing.wav\n", encoding="utf-8")
    assert recognise(*listed) == 2
    assert [path.name for path in (work / "out" / "1best_recog").iterdir()] == ["notes"]


def test_failures_that_cannot_be_written(work, capsys):
    (work / "out" / "failures").mkdir(parents=True)
    assert recognise("missing.wav", "--output_dir", "out") == 2
    assert "out: expected a directory that can be written, found Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["wav.scp,speech,sound", ["wav.scp,speech,sound"], [["wav.scp", "speech", "sound"]]])
def test_a_list_from_a_file(work, value):
    (work / "decode.yaml").write_text(yaml.safe_dump({"data_path_and_name_and_type": value}), encoding="utf-8")
    assert recognise("--config", "decode.yaml", "--output_dir", "out") == 0
    assert len(read(work / "out" / "1best_recog" / "text")) == 3
    (work / "one.scp").write_text("utt1 a.wav\n", encoding="utf-8")
    given = ["--data_path_and_name_and_type", "one.scp,speech,sound"]
    assert recognise("--config", "decode.yaml", "--output_dir", "out", *given) == 0
    assert read(work / "out" / "1best_recog" / "text") == ["utt1 a日"]


def test_lines_and_recordings_correspond(work, capsys):
    assert recognise("a.wav", "missing.wav", "c.wav") == 1
    assert capsys.readouterr().out == "a日\n\n日\n"


def test_nothing_recognised(work, capsys):
    assert recognise("missing.wav") == 2
    captured = capsys.readouterr()
    assert "missing.wav: expected a recording (WAV, FLAC, Ogg, ...), found no such file" in captured.err
    assert "Traceback" not in captured.err


def test_an_interrupted_decode_keeps_earlier_results(work, monkeypatch):
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--output_dir", "out"]
    assert recognise(*listed) == 0
    text = work / "out" / "1best_recog" / "text"
    before = text.read_text(encoding="utf-8")
    read_speech = Recording.read

    def stop(recording, fs, axes):
        if recording.name == "utt3":
            raise KeyboardInterrupt
        return read_speech(recording, fs, axes)

    monkeypatch.setattr(Recording, "read", stop)
    assert recognise(*listed, "--key_file", "wav.scp") == 130
    assert text.read_text(encoding="utf-8") == before
    assert read(text.with_name("text.partial")) == ["utt1 a日", "utt2 a a"]


def test_options_from_a_file(work, capsys):
    config = {"ctc_weight": 1, "beam_size": "2", "normalize_length": True, "key_file": None}
    (work / "decode.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    args = get_parser().parse_args(["--config", "decode.yaml", "--bundle", "b", "--beam_size", "4", "a.wav"])
    assert (args.ctc_weight, args.beam_size, args.normalize_length) == (1.0, 4, True)
    assert main(["--config", "decode.yaml", "--bundle", "bundle", "a.wav"]) == 0
    assert capsys.readouterr().out == "a日\n"


def test_upstreams_defaults():
    args = get_parser().parse_args(["--bundle", "b"])
    assert (args.beam_size, args.ctc_weight, args.lm_weight, args.ngram_weight) == (20, 0.5, 1.0, 0.9)
    assert (args.nbest, args.batch_size, args.penalty, args.normalize_length) == (1, 1, 0.0, False)
    assert (args.maxlenratio, args.minlenratio, args.quantized) == (0.0, 0.0, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "expected recordings or --data_path_and_name_and_type, found neither"),
        (["a.wav", "--data_path_and_name_and_type", "wav.scp,speech,sound"], "found both"),
        (["--data_path_and_name_and_type", "wav.scp,speech,text"], "expected a type of sound, multi_columns_sound, "),
        (
            ["--data_path_and_name_and_type", "wav.scp,audio,sound"],
            "expected one list PATH,speech,TYPE, found wav.scp,",
        ),
        (
            ["--data_path_and_name_and_type", "nope.scp,speech,sound"],
            "nope.scp: expected a text file in UTF-8, found No",
        ),
        (["--data_path_and_name_and_type", "empty,speech,sound"], "empty: expected at least one recording, found none"),
        (["a.wav", "a.wav", "--output_dir", "out"], "expected recordings of different names, found a.wav and a.wav"),
        (["a.wav", "--key_file", "no_keys"], "no_keys: expected at least one utterance, found none"),
        (["a.wav", "--key_file", "keys"], "keys: expected utterances among the 1 recordings, found 'utt9'"),
        (["a.wav", "--quantized"], "quantized: expected a bundle with int8 graphs, found none in bundle"),
        (["a b.wav", "--output_dir", "out"], "expected recordings without blanks in their names, found 'a b.wav'"),
        (["a.wav", "--beam_size", "0"], "beam_size: expected an integer from 1 to 10000, found 0"),
        (["a.wav", "--bundle", "nope"], "nope/bundle.yaml: expected the manifest of a bundle, found No such file"),
        (["a.wav", "--log_level", "loud"], "--log_level: expected one of CRITICAL, ERROR"),
        (["a.wav", "--config", "nope.yaml"], "nope.yaml: expected a YAML file of options, found"),
        (["a.wav", "--config", "keys"], "keys: expected a mapping of options, found str"),
        (["a.wav", "--config", "unknown.yaml"], "unknown.yaml: expected options of this command, found 'beam'"),
        (["a.wav", "--config", "wrong.yaml"], "wrong.yaml: beam_size: expected a whole number, found 'many'"),
        (["a.wav", "--output_dir", "a.wav"], "a.wav: expected a directory that can be written, found"),
    ],
)
def test_mistakes(work, capsys, arguments, sentence):
    for name in ("empty", "no_keys"):
        (work / name).touch()
    (work / "keys").write_text("utt9\n", encoding="utf-8")
    (work / "unknown.yaml").write_text("beam: 3\n", encoding="utf-8")
    (work / "wrong.yaml").write_text("beam_size: many\n", encoding="utf-8")
    assert recognise(*arguments) == 2
    captured = capsys.readouterr()
    last = captured.err.splitlines()[-1]
    assert last.startswith("python -m espnet2.bin.asr_inference_onnx: ")
    assert sentence in last
    assert captured.out == ""


def test_as_a_command(work, repo_dir, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(repo_dir))
    command = [sys.executable, "-m", "espnet2.bin.asr_inference_onnx", "--bundle", "bundle", *SEARCH, "a.wav"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "a日\n"), run.stderr


def test_processes_write_what_one_writes(work, capsys):
    names = ["utt3", "utt1", "bad", "utt2"]
    (work / "bad.wav").write_bytes(b"RIFF, and then nothing of use")
    paths = {"utt1": "a.wav", "utt2": "b.flac", "utt3": "c.wav", "bad": "bad.wav"}
    (work / "wav.scp").write_text("".join(f"{name} {paths[name]}\n" for name in names), encoding="utf-8")
    listed = ["--data_path_and_name_and_type", "wav.scp,speech,sound", "--nbest", 2, "--timestamps", "token"]
    for nj in (1, 2):
        assert recognise(*listed, "--nj", nj, "--output_dir", f"out{nj}") == 1
    tables = [path.relative_to(work / "out1") for path in (work / "out1").rglob("*") if path.is_file()]
    assert len(tables) == 11
    assert {table: read(work / "out2" / table) for table in tables} == {t: read(work / "out1" / t) for t in tables}
    assert "recognised 3 of 4 recordings" in capsys.readouterr().err
    assert recognise("c.wav", "a.wav", "--nj", 2, "--timestamps", "token") == 0
    assert [line.partition("[")[0] for line in capsys.readouterr().out.splitlines()] == ["日", "a"]


def test_a_process_that_cannot_load_the_model_says_why(work, capsys):
    (work / "bundle" / "bundle.yaml").unlink()
    assert recognise("a.wav", "b.flac", "--nj", 2) == 2
    assert "bundle.yaml: expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.wav", "--nj", 0], "--nj: expected a number of processes of at least 1, found 0"),
        (["-", "a.wav", "--nj", 2], "--nj: expected 1, since standard input is one recording, found 2"),
        (["/dev/fd/63", "a.wav", "--nj", 2], "--nj: expected 1, since other processes cannot read /dev/fd/63, found 2"),
        (["a.wav", "--batch_size", "all"], "argument --batch_size: expected a number or auto, found 'all'"),
    ],
)
def test_bad_numbers(work, capsys, arguments, sentence):
    try:
        assert recognise(*arguments) == 2
    except SystemExit as end:
        assert end.code == 2
    assert sentence in capsys.readouterr().err
