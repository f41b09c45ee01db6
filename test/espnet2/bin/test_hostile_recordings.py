"""One recording of a stranger, the second of three, leaves the others alone: in whole utterances and in streams."""

import os
import struct

import numpy as np
import pytest
import soundfile

from espnet2.bin import asr_inference_onnx, asr_inference_streaming_onnx

pytestmark = pytest.mark.usefixtures("within_bounds")

COMMANDS = {"bundle": asr_inference_onnx, "streams": asr_inference_streaming_onnx}
FS = 16000


@pytest.fixture
def work(tmp_path, tiny_bundle, streaming_bundle, say, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESPNET_PIPE_SECONDS", "0")
    soundfile.write("good.wav", say(2, 3), FS, subtype="PCM_16")
    return tmp_path


def flac(path, frames, samples=None):
    """A file whose header gives so many frames: bits 108 to 143 of STREAMINFO."""
    samples = np.zeros(2000, np.int16) if samples is None else samples
    soundfile.write(path, samples, FS, format="FLAC", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[21] = content[21] & 0xF0 | frames >> 32
    content[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(content)


def wav(path, rate=FS, channels=1, size=2000, bits=16):
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 % 2**32, 2, bits)
    data = bytes(size)
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", size) + data
    )


HOSTILE = {
    "a FLAC of 2**31 frames": lambda path: flac(path, 2**31),
    "a FLAC of 2**36 frames": lambda path: flac(path, 2**36 - 1),
    "a FLAC without length": lambda path: flac(path, 0),
    "a FLAC that is longer than it says": lambda path: flac(path, 10),
    "a WAV of 1 Hz": lambda path: wav(path, rate=1, size=200_000),
    "a WAV of 0 Hz": lambda path: wav(path, rate=0),
    "a WAV of 4 GHz": lambda path: wav(path, rate=2**32 - 1),
    "a WAV of 60,000 channels": lambda path: wav(path, channels=60_000),
    "a WAV of 0 channels": lambda path: wav(path, channels=0),
    "a WAV of 7 bits": lambda path: wav(path, bits=7),
    "a WAV header": lambda path: path.write_bytes(b"RIFF\xff\xff\xff\xffWAVE"),
    "nothing": lambda path: path.touch(),
    "a directory": lambda path: path.mkdir(),
    "zeros without end": lambda path: path.symlink_to("/dev/zero"),
    "links in a circle": lambda path: path.symlink_to(path.name),
    "a pipe without a writer": os.mkfifo,
    "text": lambda path: path.write_text("RIFF"),
}


def recognise(command, *arguments):
    options = ["--ctc_greedy", "true", "--num_threads", "1", "--output_dir", "out", "--log_level", "ERROR"]
    return COMMANDS[command].main(["--bundle", command, *options, *map(str, arguments)])


@pytest.mark.skipif(os.name == "nt", reason="devices and pipes of Unix")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_second_of_three(work, capfd, command):
    for number, make in enumerate(HOSTILE.values()):
        make(work / f"{number}.wav")
    names = [str(number) for number in range(len(HOSTILE))]
    paths = {name: f"{name}.wav" for name in names} | {"long": "x" * 5000, "deep": "d/" * 2000, "nul": "a\\0b"}
    lines = ["first good.wav\n", *(f"{name} {path}\n" for name, path in paths.items()), "last good.wav\n"]
    (work / "wav.scp").write_text("".join(lines), encoding="utf-8")
    assert recognise(command, "--data_path_and_name_and_type", "wav.scp,speech,sound") == 1
    failures = dict(line.split("\t") for line in (work / "out" / "failures").read_text().splitlines())
    found = [line.split()[0] for line in (work / "out" / "1best_recog" / "text").read_text().splitlines()]
    assert [*found, *failures] == [*found, *(name for name in paths if name not in found)]
    assert {"first", "last"} <= set(found) and len(failures) >= len(HOSTILE) - 4
    assert all(": expected " in sentence and len(sentence) <= 400 for sentence in failures.values())
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_names_that_are_not_utf_8(work, capfd, command):
    name = os.fsdecode(b"\xff\xfe.wav")
    (work / name).write_bytes((work / "good.wav").read_bytes())
    escape = "\x1b[2J.wav"
    (work / escape).write_bytes((work / "good.wav").read_bytes())
    assert recognise(command, "good.wav", name, escape, "\x1b[1m.wav") == 1
    assert len((work / "out" / "1best_recog" / "text").read_bytes().splitlines()) == 3
    assert "\x1b" not in capfd.readouterr().err
