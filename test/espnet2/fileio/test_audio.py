"""Recordings as samples: rates, channels, formats, and files that are none."""

import io
import logging
import os
import threading

import numpy as np
import pytest
import soundfile

from espnet2.fileio import audio
from espnet2.fileio.audio import read_audio, read_samples, recording_size
from espnet2.fileio.sound_list import SoundListReader
from espnet2.fileio.sound_scp import SoundScpReader
from espnet2.interface.errors import AudioError, DataError

PCM = np.array([0, 1, -32768, 32767], np.int16)


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("mono.wav", PCM, 16000, subtype="PCM_16")
    soundfile.write("stereo.wav", np.stack([PCM, PCM], 1), 8000, subtype="PCM_16")
    return tmp_path


def test_samples_of_16_bits(directory):
    samples = read_audio("mono.wav", 16000)
    assert samples.dtype == np.float32
    assert samples.tolist() == [0, 1 / 32768, -1, 32767 / 32768]


def test_other_rates_are_resampled_and_said(directory, caplog):
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    soundfile.write("tone.wav", tone / 2, 8000, subtype="FLOAT")
    with caplog.at_level(logging.INFO):
        samples = read_audio("tone.wav", 16000)
    assert caplog.messages == ["tone.wav: resampled from 8000 to 16000 Hz"]
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000) / 2
    assert samples.shape == (16000,)
    assert samples.dtype == np.float32
    assert np.abs(samples - expected)[500:-500].max() < 1e-3


def test_stereo(directory):
    with pytest.raises(AudioError, match=r"stereo\.wav: expected one channel, found 2; choose or mix one \(sox"):
        read_audio("stereo.wav", 8000)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "found no such file"),
        (b"", "found"),
        (b"RIFF....WAVEfmt ", "found"),
        (b"\x00" * 99, "found Format not rec"),
    ],
)
def test_files_that_are_no_recordings(directory, content, sentence):
    if content is not None:
        (directory / "x.wav").write_bytes(content)
    with pytest.raises(AudioError) as error:
        read_audio("x.wav", 16000)
    assert f"x.wav: expected a recording (WAV, FLAC, Ogg, ...), {sentence}" in str(error.value)


@pytest.fixture(params=[0, 2**36 - 1])
def piped_flac(directory, request):
    """FLAC as an encoder writes it into a pipe: bits 108 to 143 of STREAMINFO, the number of samples, say nothing."""
    samples = np.arange(-3000, 3000, dtype=np.int16)
    soundfile.write("piped.flac", samples, 8000)
    content = bytearray((directory / "piped.flac").read_bytes())
    content[21] = content[21] & 0xF0 | request.param >> 32
    content[22:26] = (request.param & 0xFFFFFFFF).to_bytes(4, "big")
    (directory / "piped.flac").write_bytes(content)
    return samples


@pytest.mark.parametrize("block", [7, 1000, 6000, 2**20])
def test_flac_whose_header_gives_no_length(directory, piped_flac, block, monkeypatch):
    monkeypatch.setattr(audio, "BLOCK", block)
    np.testing.assert_array_equal(read_audio("piped.flac", 8000), piped_flac / np.float32(2**15))
    content = io.BytesIO((directory / "piped.flac").read_bytes())
    np.testing.assert_array_equal(read_samples(content, "int16")[0], piped_flac)
    assert recording_size("piped.flac") == (6000, 8000)
    for span, part in {
        (0.25, 0.5): slice(2000, 4000),
        (0.5, -1): slice(4000, None),
        (0.7, 9): slice(5600, None),
    }.items():
        np.testing.assert_array_equal(read_samples("piped.flac", "int16", span=span)[0], piped_flac[part])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe(directory, piped_flac):
    """As a shell gives it for `<(command)`."""
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: (directory / "pipe").write_bytes((directory / "piped.flac").read_bytes()))
    writer.start()
    np.testing.assert_array_equal(read_audio("pipe", 8000), piped_flac / np.float32(2**15))
    writer.join()


@pytest.mark.parametrize(
    ("options", "shape", "dtype"),
    [
        ({}, (4,), "float64"),
        ({"dtype": "float32"}, (4,), "float32"),
        ({"dtype": "int16", "always_2d": True}, (4, 1), "int16"),
    ],
)
def test_list_of_recordings(directory, options, shape, dtype):
    (directory / "wav.scp").write_text("m mono.wav\ns stereo.wav\n", encoding="utf-8")
    reader = SoundScpReader("wav.scp", **options)
    rate, samples = reader["m"]
    assert (rate, samples.shape, samples.dtype) == (16000, shape, dtype)
    rate, samples = reader["s"]
    assert (rate, samples.shape) == (8000, (4, 2))
    assert (list(reader), len(reader), "m" in reader, "z" in reader) == (["m", "s"], 2, True, False)
    with pytest.raises(KeyError):
        reader["z"]


@pytest.mark.parametrize("listed", ["audio/a.wav", "data/audio/a.wav", "set/data/audio/a.wav"])
def test_paths_beside_and_above_the_list(directory, listed):
    """Such as a list whose paths are relative to its own directory, or to a directory above it."""
    audio = directory / "set" / "data" / "audio"
    audio.mkdir(parents=True)
    (audio / "a.wav").write_bytes((directory / "mono.wav").read_bytes())
    scp = directory / "set" / "data" / "wav.scp"
    scp.write_text(f"a {listed}\n", encoding="utf-8")
    assert SoundScpReader(scp)["a"][0] == 16000
    assert SoundScpReader("set/data/wav.scp")["a"][0] == 16000


def test_the_working_directory_comes_first(directory):
    (directory / "data").mkdir()
    soundfile.write("data/mono.wav", PCM, 8000)
    (directory / "data" / "wav.scp").write_text("a mono.wav\n", encoding="utf-8")
    assert SoundScpReader("data/wav.scp")["a"][0] == 16000


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "a sox x.wav -t wav - |",
            "a: expected the path of a recording, found the command 'sox x.wav -t wav - |': run it",
        ),
        ("a", "a: expected the path of a recording, found nothing"),
        ("a x.wav\na y.wav", "line 2: expected each key once, found 'a' again"),
    ],
)
def test_lists_that_cannot_be_used(directory, line, sentence):
    (directory / "wav.scp").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(DataError) as error:
        SoundScpReader("wav.scp")
    assert sentence in str(error.value)
    assert str(error.value).startswith("wav.scp")


def test_a_command_runs_once_for_the_segments_of_its_recording(directory):
    (directory / "wav.scp").write_text("r echo x >> runs; cat mono.wav |\ns echo y >> runs; cat mono.wav |\n")
    (directory / "segments").write_text("a r 0 0.0001\nb r 0.0001 -1\nc s 0 -1\n")
    reader = SoundListReader("wav.scp", "int16", "segments")
    assert [reader[key][1].tolist() for key in "abc"] == [PCM[:1].tolist(), PCM[1:].tolist(), PCM.tolist()]
    assert (directory / "runs").read_text() == "x\ny\n"


def test_zeros_that_take_no_room(directory, monkeypatch):
    """A FLAC of 14 bytes for 65,535 zeros, whose header gives no length."""
    soundfile.write("zeros.flac", np.zeros(3_000_000, np.int16), 16000)
    content = bytearray((directory / "zeros.flac").read_bytes())
    content[21:26] = bytes([content[21] & 0xF0, 0, 0, 0, 0])
    (directory / "zeros.flac").write_bytes(content)
    assert len(read_audio("zeros.flac", 16000)) == 3_000_000
    monkeypatch.setenv("ESPNET_EXPANDED_BYTES", "4000000")
    monkeypatch.setattr(audio, "BLOCK", 1000)
    with pytest.raises(
        AudioError, match=r"zeros\.flac: expected a recording .* found more than \d+ samples in \d+ byt"
    ):
        read_audio("zeros.flac", 16000)


@pytest.mark.parametrize("rate", [1, 10, 999])
def test_rates_that_no_speech_has(directory, rate):
    soundfile.write("slow.wav", np.zeros(200), rate, subtype="PCM_16")
    with pytest.raises(
        AudioError, match=rf"slow\.wav: expected a rate from 1000 to 1000000 Hz, or 16000 Hz, found {rate}"
    ):
        read_audio("slow.wav", 16000)
    assert read_audio("slow.wav", rate).shape == (200,)


def test_the_longest_recording_is_a_limit(directory, monkeypatch):
    monkeypatch.setenv("ESPNET_AUDIO_SECONDS", "1")
    soundfile.write("long.wav", np.zeros(16001), 16000, subtype="PCM_16")
    with pytest.raises(AudioError, match=r"found one of more than 1 seconds; set ESPNET_AUDIO_SECONDS to allow more"):
        read_audio("long.wav", 16000)


@pytest.mark.parametrize("times", ["0 inf", "inf -1", "nan 1", "0 nan", "-inf 1", "1 1", "0 1e999"])
def test_segments_of_no_time(directory, times):
    (directory / "wav.scp").write_text("r mono.wav\n")
    (directory / "segments").write_text(f"a r {times}\n")
    with pytest.raises(DataError, match="segments: a: expected 0 <= start < end, or an end of -1, found"):
        SoundListReader("wav.scp", "int16", "segments")
