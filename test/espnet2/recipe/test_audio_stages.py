"""Speed perturbation, formatting, trimming: what is written, that it is resumed, what is refused."""

import math

import numpy as np
import pytest
import soundfile

from espnet2.bin.recipe import main as recipe
from espnet2.fileio.read_text import read_2columns_text
from espnet2.interface.errors import AudioError, DataError, OptionError
from espnet2.recipe.data_dir import DataDir
from espnet2.recipe.format_audio import format_data_dir
from espnet2.recipe.speed import perturb_data_dir
from espnet2.recipe.trim import trim_data_dir
from espnet2.recipe.validate import validate_data_dir


def lengths(directory):
    return {key: int(value) for key, value in read_2columns_text(directory / "utt2num_samples").items()}


def test_recordings_are_resampled_and_listed(data, tmp_path):
    target = tmp_path / "dump"
    format_data_dir(data, target, 16000, nj=2)
    assert lengths(target) == {"a-1": 8000, "a-2": 16000, "b-1": 24000}
    for name, path in read_2columns_text(target / "wav.scp").items():
        info = soundfile.info(path)
        assert (info.samplerate, info.frames, info.format) == (16000, lengths(target)[name], "FLAC")
    assert (target / "text").read_text() == "a-1 one\na-2 two one\nb-1\n"
    validate_data_dir(target)


def test_speeds_change_lengths_and_pitch(data, tmp_path):
    perturb_data_dir(data, tmp_path / "sp", [0.8, 1.0, 1.25])
    perturbed = validate_data_dir(tmp_path / "sp")
    assert perturbed.utterances[3:6] == ["sp0.8-a-1", "sp0.8-a-2", "sp0.8-b-1"]
    assert perturbed.tables["utt2spk"]["sp1.25-a-2"] == "sp1.25-a"
    assert perturbed.tables["text"]["sp1.25-a-2"] == "two one"
    format_data_dir(tmp_path / "sp", tmp_path / "dump", 8000)
    found = lengths(tmp_path / "dump")
    assert [found[f"{prefix}a-2"] for prefix in ("sp0.8-", "", "sp1.25-")] == [10000, 8000, 6400]


def test_a_tone_that_is_played_faster_is_higher(tmp_path, tables):
    time = np.arange(8000) / 8000
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 400 * time), 8000)
    source = tables(wav=f"t {tmp_path / 'tone.wav'}", text="t x", utt2spk="t t")
    perturb_data_dir(source, tmp_path / "sp", [1.25])
    format_data_dir(tmp_path / "sp", tmp_path / "dump", 8000)
    samples, _ = soundfile.read(tmp_path / "dump" / "data" / "sp1.25-t.flac")
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * 8000 / len(samples) == pytest.approx(500, abs=2)


def test_segments_are_cut_at_any_speed(data, tables, tmp_path):
    tables(segments="s-1 b-1 0.25 0.5;s-2 b-1 0.5 1.5", text="s-1 one;s-2 two", utt2spk="s-1 s;s-2 s")
    perturb_data_dir(data, tmp_path / "sp", [1.0, 1.25])
    format_data_dir(tmp_path / "sp", tmp_path / "dump", 8000)
    assert lengths(tmp_path / "dump") == {"s-1": 2000, "s-2": 8000, "sp1.25-s-1": 1600, "sp1.25-s-2": 6400}
    whole, _ = soundfile.read(data.parent / "wav" / "b-1.wav", dtype="int16")
    cut, _ = soundfile.read(tmp_path / "dump" / "data" / "s-2.flac", dtype="int16")
    assert np.abs(cut.astype(int) - whole[4000:12000]).max() <= 1


def test_commands_are_run(data, tables, tmp_path):
    wav = data.parent / "wav" / "a-1.wav"
    tables(wav=f"a-1 cat {wav} |", text="a-1 one", utt2spk="a-1 a")
    format_data_dir(data, tmp_path / "dump", 8000)
    assert lengths(tmp_path / "dump") == {"a-1": 4000}


def test_formatting_goes_on_where_it_was(data, tmp_path):
    target = tmp_path / "dump"
    format_data_dir(data, target, 8000)
    kept, lost = target / "data" / "a-1.flac", target / "data" / "a-2.flac"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    lost.with_name("a-2.flac.partial").write_bytes(b"half")
    (target / "wav.scp").unlink()
    format_data_dir(data, target, 8000)
    assert kept.stat().st_mtime_ns == before
    assert sorted(path.name for path in (target / "data").glob("[!.]*")) == ["a-1.flac", "a-2.flac", "b-1.flac"]
    assert lengths(target)["a-2"] == 8000
    format_data_dir(data, target, 16000)
    assert lengths(target)["a-2"] == 16000


def test_recordings_that_have_changed_are_formatted_anew(data, tmp_path, wav_file):
    target = tmp_path / "dump"
    format_data_dir(data, target, 8000)
    wav_file(tmp_path / "wav" / "a-1.wav", 0.75)
    format_data_dir(data, target, 8000)
    assert lengths(target) == {"a-1": 6000, "a-2": 8000, "b-1": 12000}


@pytest.mark.parametrize(
    ("wav", "message"),
    [
        ("{tmp}/broken.wav", r"wav.scp, line 2: .*broken.wav: expected a recording"),
        ("{tmp}/empty.wav", r"wav.scp, line 2: expected speech, found no samples in .*empty.wav"),
        ("{tmp}/stereo.wav", r"wav.scp, line 2: expected one channel, found 2"),
        ("{tmp}/nan.wav", r"wav.scp, line 2: .*nan.wav: expected finite numbers, found NaN"),
        ("{tmp}/loud.wav", r"wav.scp, line 2: expected samples from -1 to 1, found 30 in .*loud.wav"),
        ("false |", r"wav.scp, line 2: false \|: expected a recording, found exit status 1"),
        ("echo hello |", r"wav.scp, line 2: echo hello \|: expected a recording"),
    ],
)
def test_what_cannot_be_formatted_is_named(data, tables, tmp_path, wav_file, wav, message):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    wav_file(tmp_path / "empty.wav", 0)
    wav_file(tmp_path / "stereo.wav", 0.1, channels=2)
    for name, value in (("nan", math.nan), ("loud", -30.0)):
        soundfile.write(tmp_path / f"{name}.wav", np.array([0.1, value, 0.1]), 8000, subtype="FLOAT")
    first = (data / "wav.scp").read_text().splitlines()[0]
    tables(wav=f"{first};b-1 {wav.format(tmp=tmp_path)}", text="a-1 x;b-1 y", utt2spk="a-1 a;b-1 b")
    with pytest.raises(AudioError, match=message):
        format_data_dir(data, tmp_path / "dump", 8000)
    assert not (tmp_path / "dump" / "wav.scp").exists()


def test_segments_behind_the_end_are_named(data, tables, tmp_path):
    tables(segments="s b-1 7 8", text="s one", utt2spk="s s")
    with pytest.raises(AudioError, match=r"s: expected samples from 7 s to 8 s, found a recording of 1\.5 s"):
        format_data_dir(data, tmp_path / "dump", 8000)


def test_long_short_and_silent_utterances_are_left_out(data, tmp_path):
    format_data_dir(data, tmp_path / "org", 8000)
    trimmed = trim_data_dir(tmp_path / "org", tmp_path / "dump", 8000, 0.1, 20)
    assert trimmed.utterances == ["a-1", "a-2"]
    assert trim_data_dir(tmp_path / "org", tmp_path / "dump", 8000, 0.6, 20).utterances == ["a-2"]
    assert DataDir.read(tmp_path / "dump").tables["utt2num_samples"] == {"a-2": "8000"}
    with pytest.raises(DataError, match="expected utterances of 5 to 20 s with a text, found none among 3"):
        trim_data_dir(tmp_path / "org", tmp_path / "dump", 8000, 5, 20)
    with pytest.raises(DataError, match=r"utt2num_samples: expected a file that formatting makes \(stage 3\)"):
        trim_data_dir(data, tmp_path / "dump", 8000, 5, 20)


def test_options_are_checked(data, tmp_path):
    for factors in ([0.9, 0.9], [-1.0], [math.nan], [math.inf], [1e-9]):
        with pytest.raises(OptionError, match=r"expected different numbers from 0\.1 to 10, found"):
            perturb_data_dir(data, tmp_path / "sp", factors)
    with pytest.raises(OptionError, match="audio_format: expected one of flac, wav, found 'mp3'"):
        format_data_dir(data, tmp_path / "dump", 8000, "mp3")


def test_sources_are_not_overwritten(data, capsys):
    before = {path: path.read_text() for path in data.iterdir()}
    for command in (["speed", data, data, "0.9"], ["trim", data, data], ["combine", data, "--output_dir", data]):
        assert recipe(list(map(str, command))) == 2
        assert f"{data}: expected another directory to write to, found the same" in capsys.readouterr().err
    with pytest.raises(OptionError, match="expected another directory"):
        format_data_dir(data, data, 8000)
    assert {path: path.read_text() for path in data.iterdir()} == before


def test_utterances_have_files_of_their_own(data, tables, tmp_path):
    wav = [data.parent / "wav" / f"{name}.wav" for name in ("a-1", "a-2")]
    tables(wav=f"a/b {wav[0]};a_b {wav[1]}", text="a/b x;a_b y", utt2spk="a/b a;a_b a")
    format_data_dir(data, tmp_path / "dump", 8000)
    found = [soundfile.info(path).frames for path in read_2columns_text(tmp_path / "dump" / "wav.scp").values()]
    assert found == [4000, 8000]


def test_segments_may_end_with_their_recording_and_keep_their_precision(data, tables, tmp_path):
    tables(segments="s-1 b-1 0.25 -1;s-2 b-1 1234.567891 1235", text="s-1 one;s-2 two", utt2spk="s-1 s;s-2 s")
    found = DataDir.read(data)
    assert [str(found.segment(name)) for name in ("s-1", "s-2")] == [
        "b-1 0.250000 -1",
        "b-1 1234.567891 1235.000000",
    ]
    tables(segments="s-1 b-1 0.25 -1", text="s-1 one", utt2spk="s-1 s")
    perturb_data_dir(data, tmp_path / "sp", [1.0, 1.25])
    format_data_dir(tmp_path / "sp", tmp_path / "dump", 8000)
    assert lengths(tmp_path / "dump") == {"s-1": 10000, "sp1.25-s-1": 8000}
