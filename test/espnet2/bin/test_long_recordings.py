"""Recordings that are too long for the memory, on the command lines, with the demo model."""

import numpy as np
import pytest
import soundfile

from espnet2.bin import asr_inference_onnx

SEARCH = ["--beam_size", "3", "--ctc_weight", "0.3", "--lm_weight", "0", "--memory_limit", "0.06"]


@pytest.fixture(scope="module")
def work(demo_dir, tmp_path_factory):
    """A list of a long recording, made of the six short ones, and of two of these."""
    directory = tmp_path_factory.mktemp("long")
    paths = sorted((demo_dir / "recordings").glob("*.flac"))
    soundfile.write(directory / "long.flac", np.concatenate([soundfile.read(path)[0] for path in paths]), 16000)
    (directory / "wav.scp").write_text(f"one {paths[0]}\nlong {directory}/long.flac\ntwo {paths[1]}\n")
    texts = dict(line.split(maxsplit=1) for line in (demo_dir / "recordings" / "text").read_text().splitlines())
    return directory, [texts[path.stem] for path in paths]


def decode(main, model, work, output, *options):
    listed = ["--data_path_and_name_and_type", f"{work}/wav.scp,speech,sound", "--output_dir", str(output)]
    status = main([*model, *SEARCH, *listed, *options])
    table = output / "1best_recog" / "text"
    return status, dict(line.split(maxsplit=1) for line in table.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def onnx(demo_bundle):
    return asr_inference_onnx.main, ["--bundle", str(demo_bundle), "--num_threads", "1"]


@pytest.fixture
def pytorch(demo_dir):
    pytest.importorskip("torch")
    from espnet2.bin import asr_inference

    return asr_inference.main, ["--asr_model_file", str(demo_dir / "exp" / "asr" / "valid.acc.ave.pth")]


@pytest.mark.parametrize("backend", ["onnx", "pytorch"])
def test_a_long_recording_gives_the_texts_of_its_utterances(backend, work, tmp_path, request):
    directory, texts = work
    status, found = decode(*request.getfixturevalue(backend), directory, tmp_path, "--batch_size", "2")
    assert status == 0
    assert found == {"one": texts[0], "long": " ".join(texts), "two": texts[1]}


def test_it_is_refused_while_the_others_go_on(onnx, work, tmp_path):
    directory, texts = work
    status, found = decode(*onnx, directory, tmp_path, "--long_form", "false")
    assert status == 1
    assert found == {"one": texts[0], "two": texts[1]}
    (failure,) = (tmp_path / "failures").read_text(encoding="utf-8").splitlines()
    assert failure.startswith(f"long\t{directory}/long.flac: expected at most what 0.06 GB of memory are enough for, ")
    assert failure.endswith("; set long_form to auto to have it cut, or set memory_limit")


def test_all_that_is_long_is_cut(onnx, work, tmp_path):
    directory, texts = work
    _, found = decode(*onnx, directory, tmp_path, "--long_form", "true", "--ctc_greedy", "true")
    assert found["long"].split() == " ".join(texts).split()


def test_memory_that_ends(onnx, work, tmp_path, monkeypatch):
    """One recording's failure is not that of the others, whatever it says."""
    directory, _ = work

    def exhausted(recognizer, speech, progress):
        raise MemoryError

    monkeypatch.setattr("espnet2.runtime.long_recording.recognize_long", exhausted)
    status, found = decode(*onnx, directory, tmp_path)
    assert status == 1
    assert sorted(found) == ["one", "two"]
    failures = (tmp_path / "failures").read_text(encoding="utf-8")
    assert failures == f"long\t{directory}/long.flac: expected memory enough for it, found too little: MemoryError\n"
