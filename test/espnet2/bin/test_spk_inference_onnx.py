"""Embeddings of recordings and scores of trials by the command line, without PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2.bin.spk_inference_onnx import main
from espnet2.runtime import Speech2Embedding
from espnet2.runtime.spk import cosine

BUNDLE = Path(__file__).parents[2] / "golden" / "spk"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three recordings, a list of them, and their embeddings."""
    directory = tmp_path_factory.mktemp("recordings")
    random, embed, expected = np.random.default_rng(0), Speech2Embedding(BUNDLE), {}
    for index, name in enumerate("abc"):
        samples = (0.1 * random.standard_normal(2000 + 500 * index)).astype(np.float32)
        soundfile.write(directory / f"{name}.wav", samples, 16000, subtype="FLOAT")
        expected[name] = embed(samples)[0]
    (directory / "wav.scp").write_text("".join(f"{name} {directory / name}.wav\n" for name in "abc"))
    return directory, expected


def run(*words):
    return main(["--bundle", str(BUNDLE), *map(str, words)])


def test_recordings_on_stdout(recordings, capsys):
    directory, expected = recordings
    assert run(directory / "b.wav", directory / "a.wav") == 0
    lines = capsys.readouterr().out.splitlines()
    for line, name in zip(lines, "ba", strict=True):
        np.testing.assert_allclose([float(word) for word in line.split()], expected[name], rtol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_list_to_files(recordings, tmp_path, batch_size, caplog):
    directory, expected = recordings
    (tmp_path / "trials").write_text("a*b 1\na*c 0\nb*c 0\n")
    files = f"{directory / 'wav.scp'},speech,sound"
    options = ["--data_path_and_name_and_type", files, "--output_dir", tmp_path / "out"]
    with caplog.at_level("INFO"):
        assert run(*options, "--trials", tmp_path / "trials", "--batch_size", batch_size) == 0
    with np.load(tmp_path / "out" / "embeddings.npz") as found:
        assert found.files == ["a", "b", "c"]
        for name, embedding in expected.items():
            assert (found[name].shape, found[name].dtype) == ((5,), np.float32)
            np.testing.assert_allclose(found[name], embedding, atol=1e-5)
    scores = dict(line.split() for line in (tmp_path / "out" / "scores").read_text().splitlines())
    assert list(scores) == ["a*b", "a*c", "b*c"]
    assert float(scores["a*c"]) == pytest.approx(cosine(expected["a"], expected["c"]), abs=1e-4)
    assert run(*options) == 0  # scores of the run before are no results of this one
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_file()} >= {"embeddings.npz"}
    assert not (tmp_path / "out" / "scores").exists()


def test_scores_on_stdout(recordings, tmp_path, capsys):
    directory, expected = recordings
    names = [f"{directory / name}.wav" for name in "ab"]
    (tmp_path / "trials").write_text(" ".join(names) + "\n")
    assert run(*names, "--trials", tmp_path / "trials") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == names
    assert float(line.split()[2]) == pytest.approx(cosine(expected["a"], expected["b"]), abs=1e-4)


def test_a_recording_without_embedding(recordings, tmp_path, capsys):
    directory, _ = recordings
    soundfile.write(tmp_path / "silent.wav", np.zeros(2000), 16000)
    (tmp_path / "trials").write_text("a silent\na a\n")
    words = [directory / "a.wav", tmp_path / "silent.wav", tmp_path / "none.wav", "--output_dir", tmp_path / "out"]
    assert run(*words, "--trials", tmp_path / "trials") == 1
    errors = capsys.readouterr().err
    assert "silent.wav: expected sound, found nothing but zeros" in errors
    assert "none.wav: " in errors
    with np.load(tmp_path / "out" / "embeddings.npz") as found:
        assert found.files == ["a"]
    assert (tmp_path / "out" / "scores").read_text() == "a a 1.000000\n"
    failures = (tmp_path / "out" / "failures").read_text().splitlines()
    assert [line.split("\t")[0] for line in failures] == ["silent", "none"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected recordings or --data_path_and_name_and_type, found neither"),
        (["a.wav", "--batch_size", "0"], "batch_size: expected an integer of at least 1, found 0"),
        (["a.wav", "--trials", "no_trials"], "no_trials: expected trials, found No such file or directory"),
        (["a.wav", "--quantized", "true"], "quantized: expected a bundle with int8 graphs, found none"),
    ],
)
def test_bad_input_is_one_sentence(words, message, capsys):
    assert run(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("python -m espnet2.bin.spk_inference_onnx: ")
    assert message in line


def test_another_bundle(capsys, demo_bundle):
    assert main(["--bundle", str(demo_bundle), "a.wav"]) == 2
    assert "expected a bundle of speaker embedding, found one of speech recognition" in capsys.readouterr().err
