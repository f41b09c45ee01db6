"""Lists of every type through the commands of utterances and of streams, and recordings that stop no other."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from manifests import with_section

from espnet2.bin import asr_inference_onnx, asr_inference_streaming_onnx
from espnet2.fileio import recording
from espnet2.fileio.readers import SPEECH_TYPES
from espnet2.interface.spec import Tensor
from espnet2.runtime.bundle import Bundle
from espnet2.utils.lock import only_one

COMMANDS = {"bundle": asr_inference_onnx, "streams": asr_inference_streaming_onnx}
FEATURES = """
encoder (float[batch, samples, 2] speech, int64[batch] speech_lengths)
    => (float[batch, samples, 6] encoder_out, int64[batch] encoder_out_lens)
    <float ten = {10.0}, int64 depth = {6}, float[2] values = {0.0, 1.0}, int64 last = {1}> {
    first = Gather<axis = 2>(speech, last)
    scaled = Mul(first, ten)
    rounded = Round(scaled)
    index = Cast<to = 7>(rounded)
    encoder_out = OneHot(index, depth, values)
    encoder_out_lens = Identity(speech_lengths)
}
"""


def matrix(array):
    """As Kaldi writes a matrix of float32."""
    sizes = b"".join(b"\4" + int(size).to_bytes(4, "little") for size in array.shape)
    return b"\0BFM " + sizes + array.astype("<f4").tobytes()


@pytest.fixture
def work(tmp_path, tiny_bundle, streaming_bundle, say, monkeypatch):
    monkeypatch.chdir(tmp_path)
    speeches = {"utt1": say(2, 3), "utt2": say(2, 4, 2)}
    for name, speech in speeches.items():
        soundfile.write(f"{name}.wav", speech, 16000, subtype="PCM_16")
        np.save(f"{name}.npy", speech)
    content = [(tmp_path / f"{name}.wav").read_bytes() for name in speeches]
    (tmp_path / "x.ark").write_bytes(content[0] + content[1])
    (tmp_path / "parts").mkdir()
    soundfile.write("parts/both.wav", np.concatenate([*speeches.values()]), 16000, subtype="PCM_16")
    ends = np.cumsum([0, *map(len, speeches.values())]) / 16000
    (tmp_path / "parts" / "segments").write_text(f"utt1 r {ends[0]} {ends[1]}\nutt2 r {ends[1]} -1\n")
    soundfile.write("two.wav", np.zeros((len(speeches["utt1"]), 1)), 16000, subtype="PCM_16")
    lists = {
        "sound": "utt1 utt1.wav\nutt2 cat utt2.wav |\n",
        "kaldi_ark": f"utt1 x.ark:0\nutt2 x.ark:{len(content[0])}\n",
        "npy": "utt1 utt1.npy\nutt2 utt2.npy\n",
        "multi_columns_sound": "utt1 utt1.wav two.wav\nutt2 utt2.wav\n",
        "parts/wav.scp": "r cat parts/both.wav |\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def recognise(command, *arguments):
    options = ["--ctc_greedy", "true", "--num_threads", "1", "--output_dir", "out", "--log_level", "WARNING"]
    return COMMANDS[command].main(["--bundle", command, *options, *map(str, arguments)])


def listed(path, kind="sound", name="speech"):
    return "--data_path_and_name_and_type", f"{path},{name},{kind}"


def texts(work):
    return (work / "out" / "1best_recog" / "text").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", [*SPEECH_TYPES, "parts/wav.scp"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_type_gives_the_same_texts(work, command, path):
    if (command, path) == ("streams", "multi_columns_sound"):
        pytest.skip("a stream has one channel")
    kind = path if path in SPEECH_TYPES else "sound"
    assert recognise(command, *listed(path, kind)) == 0
    assert texts(work) == ["utt1 a日", "utt2 a a"]


def test_features_of_an_archive(work, manifest, onnx_files, capsys):
    onnx = pytest.importorskip("onnx")
    model = onnx.helper.make_model(
        onnx.parser.parse_graph(FEATURES), opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10
    )
    onnx.save(model, work / "encoder.onnx")
    encoder = manifest.components["encoder"]["interface"]
    speech = Tensor("speech", ("batch", "samples", 2))
    encoder = dataclasses.replace(encoder, inputs=(speech, encoder.inputs[1]))
    components = {**manifest.components, "encoder": {"file": "encoder.onnx", "interface": encoder}}
    features = dataclasses.replace(manifest, components=components)
    Bundle.write("bundle", features, {"encoder.onnx": work / "encoder.onnx", "ctc.onnx": onnx_files / "ctc.onnx"})
    rows = np.array([[9, 0.2]] * 3 + [[9, 0.3]] * 3)
    (work / "feats.ark").write_bytes(matrix(rows) + matrix(rows[:, :1]))
    (work / "feats.scp").write_text(f"utt1 feats.ark:0\nutt2 feats.ark:{len(matrix(rows))}\nutt3 x.ark:0\n")
    assert recognise("bundle", *listed("feats.scp", "kaldi_ark")) == 1
    assert texts(work) == ["utt1 a日"]
    err = capsys.readouterr().err
    assert "feats.scp: utt2: expected shape (samples, 2), found (6, 1)" in err
    assert "feats.scp: utt3: expected shape (samples, 2), found (6,)" in err


def test_features_are_no_samples(work, capsys):
    (work / "feats.ark").write_bytes(matrix(np.ones((9, 2))))
    (work / "feats.scp").write_text("utt1 feats.ark:0\n")
    assert recognise("bundle", *listed("feats.scp", "kaldi_ark")) == 2
    assert "feats.scp: utt1: expected samples (T,), found an array of shape (9, 2)" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("error", [MemoryError(), OverflowError("too long"), OSError(5, "I/O error"), KeyError("x")])
def test_no_recording_stops_the_others(work, capsys, monkeypatch, command, error):
    read_samples = recording.read_samples

    def read(path, dtype):
        if path == "utt1.wav":
            raise error
        return read_samples(path, dtype)

    monkeypatch.setattr(recording, "read_samples", read)
    assert recognise(command, "utt1.wav", "utt2.wav", "--batch_size", 2) == 1
    assert texts(work) == ["utt2 a a"]
    assert "utt1: utt1.wav: expected a recording, found: " in capsys.readouterr().err


def test_further_lists_are_refused_or_left_out(work, capsys):
    (work / "text").write_text("utt1 one\n")
    arguments = [*listed("sound"), *listed("text", "text", "text")]
    assert recognise("bundle", *arguments) == 2
    assert "found sound,speech,sound text,text,text; --allow_variable_data_keys true" in capsys.readouterr().err
    assert recognise("bundle", *arguments, "--allow_variable_data_keys", "true") == 0
    assert texts(work) == ["utt1 a日", "utt2 a a"]
    assert "text,text,text: left out, since only speech is recognised" in capsys.readouterr().err


def test_two_lists_of_speech_are_refused(work, capsys):
    arguments = [*listed("sound"), *listed("npy", "npy"), "--allow_variable_data_keys", "true"]
    assert recognise("bundle", *arguments) == 2
    assert "expected one list PATH,speech,TYPE, found sound,speech,sound npy,speech,npy" in capsys.readouterr().err


def test_two_decodings_do_not_mix(work, capsys, monkeypatch):
    with only_one(work / "out", "decoding"):
        assert recognise("bundle", *listed("sound")) == 2
        assert "out: expected no other decoding that writes there, found one that is running" in capsys.readouterr().err
        assert not (work / "out" / "1best_recog").exists()
    assert recognise("bundle", *listed("sound")) == 0
    assert sorted(path.name for path in (work / "out").iterdir()) == ["1best_recog"]


LOCKED = """
import sys, time
from pathlib import Path
from espnet2.utils.lock import only_one
with only_one(Path("out"), "decoding"):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_decoding_that_was_killed_locks_nothing(work, repo_dir):
    environment = {**os.environ, "PYTHONPATH": str(repo_dir)}
    with subprocess.Popen([sys.executable, "-c", LOCKED], stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout.readline() == b"locked\n"
        assert recognise("bundle", *listed("sound")) == 2
        other.kill()
        other.wait()
    assert recognise("bundle", *listed("sound")) == 0
    assert texts(work) == ["utt1 a日", "utt2 a a"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_text_is_one_line(work, manifest, onnx_files, capsys, end):
    tokens = [*manifest.section.tokens[:4], end, *manifest.section.tokens[5:]]
    files = {name: onnx_files / name for name in ("encoder.onnx", "ctc.onnx")}
    Bundle.write("bundle", with_section(manifest, tokens=tokens), files)
    assert recognise("bundle", "utt2.wav") == 0
    assert texts(work) == ["utt2 a a"]
    assert asr_inference_onnx.main(["--bundle", "bundle", "--ctc_greedy", "true", "utt2.wav"]) == 0
    assert capsys.readouterr().out == "a a\n"
