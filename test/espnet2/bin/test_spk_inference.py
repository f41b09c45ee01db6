"""Speaker embeddings on PyTorch, under upstream's names."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import zoo_data
import zoo_spk

pytest.importorskip("torch")

import torch
import zoo_calls

from espnet2.bin import pack
from espnet2.bin.spk_inference import Speech2Embedding, get_parser, inference, main
from espnet2.interface.errors import ConfigError, OptionError

GOLDEN = Path(__file__).parents[2] / "golden"
ROW = next(row for row in zoo_spk.ROWS if row.name == "spk-task")


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    """A trained model: `config.yaml` and `model.pth`."""
    directory = tmp_path_factory.mktemp("exp")
    torch.save(zoo_calls.module_for(ROW, directory).state_dict(), directory / "model.pth")
    return directory


@pytest.fixture(scope="module")
def expected():
    with np.load(GOLDEN / f"{ROW.name}.npz") as arrays:
        return np.stack([arrays[f"{index}.out"] for index in range(len(ROW.lengths))])


def speech(index):
    return zoo_data.utterance(ROW, index)["speech"]


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, np.float64])
def test_an_embedding_equals_upstream(exp, expected, kind):
    speech2embedding = Speech2Embedding(exp / "config.yaml", exp / "model.pth")
    found = speech2embedding(kind(speech(0)))
    assert (type(found), found.dtype, tuple(found.shape)) == (torch.Tensor, torch.float32, (1, 5))
    np.testing.assert_allclose(found[0].numpy(), expected[0], atol=1e-5)
    assert speech2embedding.spk_train_args.spk_num == zoo_spk.SPEAKERS


def test_a_batch_equals_upstream(exp, expected):
    speech2embedding = Speech2Embedding(str(exp / "config.yaml"), str(exp / "model.pth"), "cpu", "float32", 2)
    np.testing.assert_allclose(speech2embedding.batch([speech(i) for i in range(3)]), expected, atol=1e-5)


def test_other_precision(exp, expected):
    found = Speech2Embedding(exp / "config.yaml", exp / "model.pth", dtype="bfloat16")(speech(0))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found[0].numpy(), expected[0], atol=0.02)


def test_a_packed_model(exp, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(exp)  # packed files lie below
    options = ["--train_config", "config.yaml", "--model_file", "model.pth"]
    assert pack.main(["spk", "--outpath", str(tmp_path / "spk.zip"), *options]) == 0
    found = Speech2Embedding.from_pretrained(tmp_path / "spk.zip")(speech(0))
    np.testing.assert_allclose(found[0].numpy(), expected[0], atol=1e-5)


def test_a_config_alone_has_random_weights(exp):
    assert Speech2Embedding(exp / "config.yaml")(speech(0)).shape == (1, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "dtype: expected one of"),
        ({"device": "tpu"}, "device: expected"),
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1"),
        ({"untrained": False}, "--spk_model_file: expected"),
    ],
)
def test_bad_options(exp, options, message):
    with pytest.raises(OptionError, match=message):
        Speech2Embedding(exp / "config.yaml", **options)


def test_a_config_of_another_task(tmp_path):
    (tmp_path / "config.yaml").write_text(json.dumps({"token_list": ["a", "b"], "ctc_conf": {}}))
    with pytest.raises(ConfigError, match="expected a config of speaker identification"):
        Speech2Embedding(tmp_path / "config.yaml")


def test_the_command_embeds_recordings(exp, expected, tmp_path):
    soundfile.write(tmp_path / "a.wav", speech(1), 16000, subtype="FLOAT")
    files = ["--train_config", str(exp / "config.yaml"), "--model_file", str(exp / "model.pth")]
    assert main([*files, "--output_dir", str(tmp_path / "out"), str(tmp_path / "a.wav")]) == 0
    with np.load(tmp_path / "out" / "embeddings.npz") as found:
        np.testing.assert_allclose(found["a"], expected[1], atol=1e-5)
    shutil.rmtree(tmp_path / "out")
    named = {"train_config": exp / "config.yaml", "model_file": exp / "model.pth"}
    assert inference(**named, output_dir=tmp_path / "out", recordings=[str(tmp_path / "a.wav")]) == 0
    assert (tmp_path / "out" / "embeddings.npz").is_file()


def test_no_weights(exp, capsys):
    assert main(["--train_config", str(exp / "config.yaml"), "a.wav"]) == 2
    assert "--spk_model_file: expected" in capsys.readouterr().err
    assert get_parser().prog.endswith("spk_inference")
