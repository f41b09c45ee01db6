"""Loading by the package transformers, and messages if it, or one of its files, is missing."""

import json
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

from espnet2.interface.errors import MissingPackageError
from espnet2.layers.hugging_face import generation_config, read_config, tokenized
from espnet2.utils.hugging_face import transformers

ROWS = ("huggingface-wav2vec2", "hugging_face-post-bart", "hugging_face-bart", "hugging_face-llama")
# Row, and the option that needs weights which checkpoints do not hold.
NEED_WEIGHTS = ("hugging_face-post-mbart-language", "hugging_face-llama-prompt")


def _without_weights(name: str, directory: Path):
    """The class of a row and its options, with the model's weights removed."""
    make = zoo.ROWS[name].make
    options = zoo_calls.build(dict(make.options), directory)
    (weights,) = directory.rglob("model.safetensors")
    weights.unlink()
    return zoo_calls.attribute(make.target), options


@pytest.mark.parametrize("name", ROWS[:3])
def test_architecture_needs_no_weights(name, tmp_path):
    make, options = _without_weights(name, tmp_path)
    module = make(**options)
    with pytest.raises(ValueError, match=r"weights beside config\.json"):
        module.reload_pretrained_parameters()


@pytest.mark.parametrize("name", NEED_WEIGHTS)
def test_vectors_outside_the_checkpoint_need_weights(name, tmp_path):
    make, options = _without_weights(name, tmp_path)
    with pytest.raises(ValueError, match=r"weights beside config\.json"):
        make(**options)


@pytest.mark.parametrize("name", ROWS)
def test_published_weights_are_taken_on_demand(name, tmp_path):
    module = zoo_calls.build(zoo.ROWS[name].make, tmp_path)
    parts = [part for part in ("encoder", "transformer", "decoder") if hasattr(module, part)]
    network = getattr(module, parts[0])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    module.reload_pretrained_parameters()
    after = network.state_dict()
    assert not all(torch.equal(before[key], after[key]) for key in before)
    module.reload_pretrained_parameters()
    assert all(torch.equal(after[key], value) for key, value in network.state_dict().items())


def test_overrides_may_lie_in_a_file(tmp_path):
    make = zoo.ROWS["hugging_face-t5-fewer"].make
    options = zoo_calls.build(dict(make.options), tmp_path)
    file = tmp_path / "overrides.json"
    file.write_text(json.dumps(options["overriding_architecture_config"]))
    module = zoo_calls.attribute(make.target)(**{**options, "overriding_architecture_config": str(file)})
    assert len(module.decoder.block) == 1


def test_missing_package_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackageError, match=r"transformers.*pip install espnet\[huggingface\]"):
        transformers()


@pytest.fixture
def offline(monkeypatch):
    """Any connection is an error of the test."""

    def connect(*args):
        pytest.fail("connected to the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)


@pytest.mark.parametrize("key", ["trust_remote_code", "cache_dir", "token", "revision", "auto_map", "model_type"])
def test_overrides_are_keys_of_the_architecture_alone(key, tmp_path):
    make = zoo.ROWS["hugging_face-bart"].make
    options = zoo_calls.build(dict(make.options), tmp_path)
    with pytest.raises(ValueError, match=f"model_name_or_path: expected options of bart, found {key}"):
        zoo_calls.attribute(make.target)(**{**options, "overriding_architecture_config": {key: True}})


def test_overrides_have_the_types_of_the_architecture(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bart"}))
    with pytest.raises(ValueError, match="d_model, found 'wide'"):
        read_config("name", tmp_path, {"d_model": "wide"})


def test_code_beside_a_model_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *args: pytest.fail("asked a question"))
    maps = {"AutoConfig": "code.C", "AutoModel": "code.M", "AutoTokenizer": ["code.T", None]}
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "strange", "auto_map": maps}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": maps}))
    for read in (lambda: read_config("model", tmp_path), lambda: tokenized(tmp_path, "text")):
        with pytest.raises(ValueError, match=r"expected .*custom code") as refused:
            read()
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", [*ROWS, "opt"])
def test_absent_models_are_not_downloaded(name, tmp_path, offline):
    make = zoo.ROWS[name].make if name in zoo.ROWS else None
    target = make.target if make else "espnet2.lm.huggingface_pretrained_opt_lm:HuggingfaceOPTModel"
    options = zoo_calls.build(dict(make.options), tmp_path) if make else {"vocab_size": 5}
    (option,) = {"model", "model_name_or_path"} & set(options) or {"opt_name"}
    sentence = re.escape("'nobody/nothing'; `hf download nobody/nothing` fetches it")
    with pytest.raises(ValueError, match=f"^{option}: .*{sentence}$"):
        zoo_calls.attribute(target)(**{**options, option: "nobody/nothing"})


def test_cached_models_are_read(tmp_path, offline):
    make = zoo.ROWS["huggingface-wav2vec2"].make
    options = zoo_calls.build(dict(make.options), tmp_path)
    kept = tmp_path / "models--some--model"
    shutil.copytree(options["model"], kept / "snapshots" / "0")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0")
    cached = {**options, "model": "some/model", "download_dir": str(tmp_path)}
    zoo_calls.attribute(make.target)(**cached).reload_pretrained_parameters()
    with pytest.raises(ValueError, match="hf download other/model --cache-dir"):
        zoo_calls.attribute(make.target)(**{**cached, "model": "other/model"})


def test_prompts_are_read_once(tmp_path, monkeypatch):
    make = zoo.ROWS["hugging_face-llama-prompt"].make
    options = zoo_calls.build(dict(make.options), tmp_path)
    read, original = [], transformers().AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        transformers().AutoModelForCausalLM,
        "from_pretrained",
        lambda name, **keywords: read.append(name) or original(name, **keywords),
    )
    module = zoo_calls.attribute(make.target)(**options)
    assert len(read) == 1
    shutil.rmtree(options["model_name_or_path"])
    assert module.generation()["reads_start"] is False


def test_broken_configurations_are_said_in_a_sentence(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bart", "d_model": "wide"}))
    with pytest.raises(ValueError, match=r"^name: expected a model of transformers, found .*d_model"):
        read_config("name", tmp_path)


def test_rules_of_generation_with_several_ends(tmp_path):
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 2]}))
    found = generation_config(tmp_path, transformers().LlamaConfig())
    assert found == {"eos_token_id": [1, 2], "transformers_version": transformers().__version__}
