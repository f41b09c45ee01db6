"""What the package transformers gives, and what is said where it, or one of its files, is not there."""

import json
import sys
from pathlib import Path

import pytest
import torch
import zoo
import zoo_calls

from espnet2.layers.hugging_face import transformers
from espnet2.runtime.errors import MissingPackageError

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
