"""Whatever a config may name goes from a tiny random model to a bundle that gives PyTorch's n-best list.

Options come from the zoo: the first row of each class that stands in a recogniser as it is. What a published
configuration names goes the same way in `test_published.py`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import published_models as published
import pytest
import torch
import yaml
import zoo
import zoo_calls
from zoo_asr_kinds import CTC_ONLY, ENCODER, FROM_FEATURES
from zoo_transducer_model import BRANCHFORMER, CONFORMER, CONV1D, INPUT

import espnet2.runtime
from espnet2.export.make_bundle import make_bundle
from espnet2.inference.trained import load_trained
from espnet2.runtime.families.search import compare_nbest
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.results import by_speaker
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.asr_transducer import DECODER as LABEL_DECODER
from espnet2.tasks.asr_transducer import ASRTransducerTask
from espnet2.tasks.choices import Choices
from espnet2.tasks.lm import LMTask

OPTIONS = DecodeOptions(beam_size=4, nbest=3, ctc_weight=0.3, maxlenratio=-8)
# The default search of a transducer is as long as its hypotheses are uncertain, and random ones are.
TRANSDUCER_OPTIONS = dataclasses.replace(OPTIONS, transducer_conf={"search_type": "alsd", "u_max": 8})
TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]
SLIDING = {"frontend": "sliding_window", "frontend_conf": {"win_length": 400, "hop_length": 160}, "input_size": None}
# And what else a choice needs, or does not come without.
TOGETHER: dict[tuple[str, str], dict[str, Any]] = {
    ("frontend", "sliding_window"): {"preencoder": "sinc", "preencoder_conf": {"fs": 16000, "out_channels": 128}},
    ("preencoder", "sinc"): SLIDING,
    ("decoder", "mlm"): {"model": "maskctc"},
}
GIVEN = {"input_size", "vocab_size", "encoder_output_size"}  # by the task, to all but pre-encoders
# Refused with a sentence that says what to install, or no part of a search; their rows test that.
NOT_RECOGNISERS = {("frontend", "s3prl"), ("frontend", "espnet_ssl"), ("encoder", "avhubert")}
# Exported and compared with upstream in test_published.py.
PUBLISHED = {
    (section, name)
    for found in map(published.read, published.names())
    for section, name in {**found.config, **(found.lm_config or {})}.items()
    if isinstance(name, str)
}


def _choices(task) -> list:
    return [
        pytest.param(choices, name, id=f"{choices.section}-{name}")
        for choices in task.choices()
        if choices.section != "specaug"
        for name in choices.classes
        if (choices.section, name) not in NOT_RECOGNISERS | PUBLISHED
    ]


def _whole_row(task, section: str, name: str) -> dict[str, Any] | None:
    """The keys of the first row that is a whole model with this choice."""
    path = f"{task.__module__}:{task.__name__}"
    rows = (row for row in zoo.ROWS.values() if row.target == path and row.make.keys.get(section) == name)
    return next((dict(row.make.keys) for row in rows), None)


def _around_part(choices: Choices, name: str) -> dict[str, Any]:
    """A config around the first row of this class that reads features or samples."""
    section = choices.section
    rows = (row for row in zoo.ROWS.values() if row.target == choices.classes[name])
    row = next((row for row in rows if section == "decoder" or not row.inputs[0].below), None)
    assert row is not None, f"no row for {section}: {name}"
    given = GIVEN if section != "preencoder" else set()
    conf = {key: value for key, value in row.make.options.items() if key not in given}
    reads_samples = section == "encoder" and row.inputs[0].sizes == ("n",)
    source = {"input_size": 1} if reads_samples else {}
    return {
        **zoo_calls.KINDS[section].around,
        **source,
        section: name,
        f"{section}_conf": conf,
        **TOGETHER.get((section, name), {}),
    }


def _save(task, keys: dict[str, Any], directory: Path) -> tuple[Path, Path]:
    """Write a config and random weights."""
    directory.mkdir()
    config = zoo_calls.build({"token_list": TOKENS, "token_type": "char", **keys}, directory)
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(_plain(config)))
    torch.manual_seed(0)
    model, _ = task.build_model_from_file(path)
    torch.save(model.state_dict(), directory / "model.pth")
    return path, directory / "model.pth"


def _plain(value: Any) -> Any:
    """Tuples as lists, as YAML knows them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _check(files: dict[str, Path], directory: Path) -> None:
    """Export, which verifies, and compare the results of a loaded bundle with PyTorch's."""
    bundle = make_bundle(directory / "bundle", **files)
    trained = load_trained(**files)
    _, encoder = trained.parts[0]
    speech_axes = encoder.inputs[0].axes[1:]
    steps = max(encoder.shortest().get(str(speech_axes[0]), 1) * 2, 3000 if speech_axes[0] == "samples" else 60)
    speech = 0.1 * np.random.default_rng(0).standard_normal((steps, *speech_axes[1:])).astype(np.float32)
    own_search = trained.model.joint_network is None or "search_type" in trained.model.generation()
    options = OPTIONS if own_search else TRANSDUCER_OPTIONS
    expected = trained.run(options)(speech)
    keywords = {
        name: getattr(options, name) for name in ("beam_size", "nbest", "ctc_weight", "maxlenratio", "transducer_conf")
    }
    found = espnet2.runtime.Speech2Text(bundle.path, **keywords)(speech)
    expected, found = by_speaker(expected), by_speaker(found)
    for speaker, nbest in expected.items():
        check = compare_nbest(nbest, found[speaker], f"noise{speaker}")
        assert nbest
        assert check.passed, (check, nbest, found)


@pytest.mark.parametrize(("choices", "name"), _choices(ASRTask))
def test_recogniser(choices: Choices, name: str, tmp_path: Path):
    keys = _whole_row(ASRTask, choices.section, name) if choices.section == "model" else _around_part(choices, name)
    config, weights = _save(ASRTask, keys, tmp_path / "asr")
    _check({"asr_train_config": config, "asr_model_file": weights}, tmp_path)


@pytest.mark.parametrize(
    ("body", "decoder"),
    [
        ([BRANCHFORMER], "rwkv"),
        ([CONV1D, CONFORMER], "stateless"),
    ],
    ids=lambda part: part if isinstance(part, str) else part[0]["block_type"],
)
def test_standalone_transducer(body: list, decoder: str, tmp_path: Path):
    target = LABEL_DECODER.classes[decoder]
    row = next(row for row in zoo.ROWS.values() if row.target == target)
    keys = {
        **FROM_FEATURES,
        "normalize": None,
        "encoder_conf": {"body_conf": body, "input_conf": INPUT},
        "decoder": decoder,
        "decoder_conf": {key: value for key, value in row.make.options.items() if key not in GIVEN},
        "joint_network_conf": {"joint_space_size": 10},
    }
    config, weights = _save(ASRTransducerTask, keys, tmp_path / "asr")
    _check({"asr_train_config": config, "asr_model_file": weights}, tmp_path)


@pytest.mark.parametrize(("choices", "name"), _choices(LMTask))
def test_language_model(choices: Choices, name: str, tmp_path: Path):
    recogniser = {**FROM_FEATURES, **ENCODER, **CTC_ONLY}
    config, weights = _save(ASRTask, recogniser, tmp_path / "asr")
    lm_config, lm_weights = _save(LMTask, _whole_row(LMTask, choices.section, name), tmp_path / "lm")
    files = {"asr_train_config": config, "asr_model_file": weights, "lm_train_config": lm_config, "lm_file": lm_weights}
    _check(files, tmp_path)
