"""The command that speaks texts, over graphs of arrays: inputs, files of results, failures."""

import argparse
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import synthesis_graphs

from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.speak import find_texts, speak
from espnet2.runtime.speak_arguments import add_speak_arguments, synthesis_options
from espnet2.runtime.synthesis_options import SynthesisOptions
from espnet2.runtime.tts import Synthesizer


def _args(*command: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_speak_arguments(parser)
    return parser.parse_args([str(word) for word in command])


def _speak(*command: object, conditions: tuple[str, ...] = ()) -> int:
    args = _args(*command)
    options = SynthesisOptions(**synthesis_options(args))
    return speak(args, lambda: Synthesizer(synthesis_graphs.model(*conditions, with_vocoder=True), options))


def test_one_text_is_a_file(tmp_path):
    path = tmp_path / "new" / "a.wav"
    assert _speak("ab", "-o", path, "--speed_control_alpha", 2) == 0
    info = soundfile.info(path)
    assert (info.samplerate, info.frames, info.subtype) == (8000, 20, "PCM_16")


def test_defaults_are_those_of_upstreams_command():
    args = _args("ab")
    assert {name: getattr(args, name) for name in ("seed", "always_fix_seed", "noise_scale", "noise_scale_dur")} == {
        "seed": 0,
        "always_fix_seed": False,
        "noise_scale": 0.667,
        "noise_scale_dur": 0.8,
    }


def test_numbers_that_the_model_does_not_read_are_named(tmp_path, caplog):
    assert _speak("ab", "-o", tmp_path / "a.wav", "--sids", 1, "--lids", 2) == 0
    assert "without effect on this model: --sids 1, --lids 2" in caplog.text


def test_streams_are_written_as_they_come(tmp_path, capfdbinary):
    assert _speak("ab", "-o", "-") == 0
    samples = np.frombuffer(capfdbinary.readouterr().out, "<i2")
    assert len(samples) == 10 and (samples == 32767).all()  # the graphs' samples exceed 1
    for name in ("a.raw", "new/a.wav"):
        assert _speak("ab", "b", "-o", tmp_path / name, "--stream", "true") == 0
    assert (tmp_path / "a.raw").stat().st_size == 2 * 16
    assert soundfile.info(tmp_path / "new" / "a.wav").frames == 16
    assert _speak("", "ab", "-o", tmp_path / "b.wav", "--stream", "true") == 1
    assert soundfile.info(tmp_path / "b.wav").frames == 10
    assert _speak("...", "-o", tmp_path / "b.wav", "--stream", "true") == 2
    assert soundfile.info(tmp_path / "b.wav").frames == 10  # nothing was spoken, and nothing lost


def test_texts_of_a_batch_are_spoken_alone_where_one_fails(tmp_path, capsys):
    assert _speak("ab", "", "b", "--output_dir", tmp_path, "--batch_size", 2) == 1
    assert sorted(path.name for path in tmp_path.glob("wav/*")) == ["1.wav", "3.wav"]
    assert "text 2: text: expected a text with at least one token" in (tmp_path / "failures").read_text()


def test_reference_utterances_are_resampled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("one ab\ntwo ab\nthree ab\n")
    soundfile.write("a.wav", np.full(400, 0.5), 16000)
    soundfile.write("silent.wav", np.zeros(400), 8000)
    soundfile.write("stereo.wav", np.zeros((400, 2)), 8000)
    Path("wav.scp").write_text("one a.wav\ntwo silent.wav\nthree stereo.wav\n")
    lists = ["--data_path_and_name_and_type", "text,text,text", "--data_path_and_name_and_type", "wav.scp,speech,sound"]
    model = synthesis_graphs.latent_model("style")
    args = _args(*lists, "--output_dir", "out")
    assert speak(args, lambda: Synthesizer(model, SynthesisOptions())) == 1
    assert model.graphs["style_encoder"].calls[0]["speech_lengths"].tolist() == [200]
    failures = Path("out/failures").read_text()
    assert "two: speech: expected sound, found nothing but zeros" in failures
    assert "stereo.wav: expected one channel, found 2; choose or mix one (sox stereo.wav mono.wav remix 1)" in failures


def test_lists_are_written_as_recipes_read_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("one ab\ntwo b\n")
    Path("spk").write_text("one 1\ntwo 2\n")
    lists = ["--data_path_and_name_and_type", "text,text,text", "--data_path_and_name_and_type", "spk,sids,text_int"]
    assert _speak(*lists, "--output_dir", "out", conditions=("sids",)) == 0
    assert Path("out/durations/durations").read_text() == "one 2 3 0\ntwo 3 0\n"
    assert Path("out/speech_shape/speech_shape").read_text() == "one 5,9\ntwo 3,9\n"
    assert Path("out/norm/feats.scp").read_text() == "one out/norm/one.npy\ntwo out/norm/two.npy\n"
    assert np.load("out/denorm/two.npy").shape == (3, 9)
    assert soundfile.info("out/wav/one.wav").frames == 10


def test_files_of_another_run_go(tmp_path):
    assert _speak("ab", "b", "--output_dir", tmp_path) == 0
    assert sorted(path.name for path in tmp_path.glob("wav/*")) == ["1.wav", "2.wav"]
    assert _speak("a", "--output_dir", tmp_path) == 0
    assert [path.name for path in tmp_path.glob("*/*.npy")] == ["1.npy", "1.npy"]
    assert sorted(path.name for path in tmp_path.glob("wav/*")) == ["1.wav"]


def test_texts_that_cannot_be_spoken_are_failures(tmp_path, capsys):
    assert _speak("ab", "", "--output_dir", tmp_path) == 1
    assert "text 2" in (tmp_path / "failures").read_text()
    assert "1 of 2 texts could not be spoken" in capsys.readouterr().err
    assert _speak("ab", "-o", tmp_path / "a.wav", conditions=("sids",)) == 2
    assert "sids: expected the number of a speaker" in capsys.readouterr().err
    assert not (tmp_path / "a.wav").exists()
    assert _speak("ab", "-o", tmp_path / "a.wav", "--sids", 1, conditions=("sids",)) == 0


def test_names_do_not_lead_out_of_the_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    long = "x" * 260
    Path("text").write_text(f"../../escaped ab\none ab\na/b ab\n{long} ab\n")
    assert _speak("--data_path_and_name_and_type", "text,text,text", "--output_dir", "below/out") == 1
    files = sorted(str(path) for path in tmp_path.rglob("*") if path.suffix in (".wav", ".npy"))
    assert [
        str(tmp_path / "below" / "out" / name) for name in ("denorm/one.npy", "norm/one.npy", "wav/one.wav")
    ] == files
    assert Path("below/out/durations/durations").read_text() == "one 2 3 0\n"
    failures = Path("below/out/failures").read_text().splitlines()
    assert [line.split("\t")[0] for line in failures] == ["../../escaped", "a/b", long]
    assert "expected a name without / and \\, which a file of results can have, found 'a/b'" in failures[1]


def test_lines_of_standard_input_are_texts(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a b\nb\n"))
    assert [(text.name, text.text) for text in find_texts(_args("-"))] == [("1", "a b"), ("2", "b")]
    with pytest.raises(DataError, match="standard input: expected at least one text, found none"):
        find_texts(_args("-"))


@pytest.mark.parametrize(
    ("command", "error", "sentence"),
    [
        ((), OptionError, "texts or --data_path_and_name_and_type, found neither"),
        (("a", "--data_path_and_name_and_type", "x,text,text"), OptionError, "found both"),
        (("--data_path_and_name_and_type", "x,speech,sound"), OptionError, "one list PATH,text,text, found 0"),
        (("--data_path_and_name_and_type", "text,text,text_int"), OptionError, "type text, found 'text_int'"),
        (("--data_path_and_name_and_type", "none,text,text"), DataError, "none"),
        (("--data_path_and_name_and_type", "empty,text,text"), DataError, "empty: expected at least one text, found"),
        (("a", "b", "-o", "x.wav"), OptionError, "--output: expected one text, found 2"),
        (("a",), OptionError, "expected --output, .*found both or neither"),
        (("a", "--output_dir", "x", "--stream", "true"), OptionError, "--stream: expected --output with it"),
        (("a", "--stream", "true", "-o", "x.wave"), OptionError, r"--output: expected a file such as x\.wav"),
        (("a", "-o", "x.mp3"), OptionError, r"--output: expected a file such as x\.wav, found 'x\.mp3'"),
        (("a", "-o", "x.wave"), OptionError, r"--output: expected a file such as x\.wav, found 'x\.wave'"),
    ],
)
def test_options_that_cannot_be_used(command, error, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("one ab\n")
    Path("empty").write_text("")
    with pytest.raises(error, match=sentence):
        _speak(*command)


def test_other_lists_are_refused_or_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("one ab\n")
    lists = ["--data_path_and_name_and_type", "text,text,text", "--data_path_and_name_and_type", "w,prompt,sound"]
    with pytest.raises(OptionError, match=r"expected names of text, speech, spembs, .*found 'prompt'"):
        find_texts(_args(*lists))
    assert len(find_texts(_args(*lists, "--allow_variable_data_keys", "true"))) == 1


def test_a_list_may_lack_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("one ab\ntwo b\n")
    Path("spk").write_text("one 1\n")
    lists = ["--data_path_and_name_and_type", "text,text,text", "--data_path_and_name_and_type", "spk,sids,text_int"]
    assert _speak(*lists, "--output_dir", "out", conditions=("sids",)) == 1
    assert "text: two: expected sids of this text, found none" in Path("out/failures").read_text()


def test_files_of_others_and_of_an_earlier_run_stay(tmp_path, monkeypatch, capsys):
    for name in ("wav/mine.wav", "norm/mine.npy", "denorm/1.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    assert _speak("ab", "b", "--output_dir", tmp_path) == 0
    assert _speak("", "--output_dir", tmp_path) == 2  # where nothing is spoken, nothing goes
    assert sorted(path.name for path in tmp_path.glob("wav/*")) == ["1.wav", "2.wav", "mine.wav"]
    assert _speak("a", "--output_dir", tmp_path) == 0
    assert sorted(path.name for path in tmp_path.glob("wav/*")) == ["1.wav", "mine.wav"]
    assert (tmp_path / "norm" / "mine.npy").read_text() == "mine"


def test_an_output_that_is_a_directory(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(OptionError, match=r"--output: expected a file, found the directory .*a\.wav"):
        _speak("ab", "-o", tmp_path / "a.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
