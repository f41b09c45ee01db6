"""From config.yaml and weights to models, and upstream's encoder output from the models that it trained."""

import logging
from argparse import Namespace

import numpy as np
import pytest
import soundfile
import torch
import yaml

from espnet2.interface.errors import CheckpointError, ConfigError
from espnet2.interface.families import FAMILIES, kind_of, task_class
from espnet2.main_funcs.pretrained import find_model
from espnet2.tasks.abs_task import AbsTask
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

ASR = {
    "token_list": ["<blank>", "<unk>", "a", "b", "<sos/eos>"],
    "frontend_conf": {"n_fft": 128, "hop_length": 64, "n_mels": 20},
    "encoder": "transformer",
    "encoder_conf": {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
}
LM = {"token_list": ASR["token_list"], "lm": "seq_rnn", "lm_conf": {"unit": 8, "nlayers": 1}}


@pytest.fixture
def model_dir(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(ASR))
    torch.save(ASRTask.build_model(ASR).state_dict(), tmp_path / "model.pth")
    return tmp_path


@pytest.mark.parametrize("name", FAMILIES)
def test_a_task_has_the_name_of_its_row(name):
    task = task_class(name)
    names = [option.name for option in task.options()]
    assert issubclass(task, AbsTask) and task.name == kind_of(name)
    assert len(names) == len(set(names)) and set(task.required) <= set(names)
    assert set(task.inference_data) <= {*task.required_data, *task.optional_data}


@pytest.mark.parametrize("kind", [dict, lambda keys: Namespace(**keys)])
def test_models_are_built_from_keys(kind):
    assert ASRTask.build_model(kind(ASR)).vocab_size == 5
    assert len(LMTask.build_model(kind(LM)).parts()) == 1


def test_weights_are_loaded(model_dir, caplog):
    with caplog.at_level(logging.INFO):
        model, args = ASRTask.build_model_from_file(model_dir / "config.yaml", str(model_dir / "model.pth"))
    assert not model.training and args.token_list == ASR["token_list"] and args.frontend == "default"
    weights = torch.load(model_dir / "model.pth", weights_only=True)
    assert torch.equal(model.ctc.ctc_lo.weight, weights["ctc.ctc_lo.weight"])
    assert f"loaded {len(weights)} tensors" in caplog.text
    beside, _ = ASRTask.build_model_from_file(model_file=model_dir / "model.pth")
    assert beside.state_dict().keys() == weights.keys()
    fresh, _ = ASRTask.build_model_from_file(model_dir / "config.yaml")
    assert fresh.state_dict().keys() == weights.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "foo"}, r"config\.yaml: encoder: expected one of conformer, transformer.*, found 'foo'"),
        (
            {"encoder_conf": {"blocks": 1}},
            r"config\.yaml: encoder_conf\.blocks: expected an option of TransformerEncoder",
        ),
        ({"frontend": None}, "input_size: expected the size of the features, since frontend is null"),
        ({"decoder": None}, "ctc_weight: expected 1 where there is no decoder, found 0.5"),
        ({"ctc_conf": {"odim": 3}}, "ctc_conf.odim: expected an option of CTC"),
        ({"specaug": "specaug"}, "specaug_conf: expected time_mask_width_range or time_mask_width_ratio_range"),
        ({"model_conf": {"ctc_weight": 2.0}}, "ctc_weight: expected a number from 0 to 1, found 2.0"),
        (
            {"frontend_conf": {"apply_stft": False}},
            "frontend_conf.apply_stft: expected True in a recogniser, found False",
        ),
        ({"decoder_conf": {"input_layer": "linear"}}, "decoder_conf.input_layer: expected embed .*, found linear"),
        ({"decoder_conf": {"use_output_layer": False}}, "decoder_conf.use_output_layer: expected True .*, found False"),
        ({"input_size": 0}, "input_size: expected a positive number, found 0"),
        ({"postencoder": "x"}, "postencoder: expected one of .*length_adaptor.*, found 'x'"),
        ({"preprocessor": "s2t"}, r"expected a config of speech recognition .* as OWSM \(S2T\)"),
        ({"token_list": ["<blank>", "a", "a", "<sos/eos>"]}, "token_list: expected each token once, found 'a' again"),
        ({"preencoder": "sinc"}, r"frontend: expected frames of shape \[1, 400\], which preencoder sinc reads, found"),
        (
            {"frontend": "sliding_window", "frontend_conf": {}},
            r"frontend: expected frames of shape \[400\], which encoder .* reads, found \[1, 400\] of sliding_window",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, change, message):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**ASR, **change}))
    with pytest.raises(ConfigError, match=message):
        ASRTask.build_model_from_file(tmp_path / "config.yaml")


def test_weights_of_another_model_are_refused(model_dir):
    (model_dir / "config.yaml").write_text(yaml.safe_dump({**ASR, "decoder": None, "model_conf": {"ctc_weight": 1.0}}))
    with pytest.raises(CheckpointError, match=r"it has left over \d+: decoder\.embed"):
        ASRTask.build_model_from_file(model_dir / "config.yaml", model_dir / "model.pth")
    with pytest.raises(ConfigError, match="expected a config file or a model file, found neither"):
        ASRTask.build_model_from_file()


def test_packed_model_equals_upstream(fixtures_dir, tmp_path):
    """Upstream's own rounding where a band is nearly silent moves its encoder output by 1e-4 (see the front end)."""
    files = find_model(fixtures_dir / "models" / "asr_conformer.zip", cache_dir=tmp_path)
    model, args = ASRTask.build_model_from_file(files["asr_train_config"], files["asr_model_file"])
    assert args.bpemodel.startswith(str(tmp_path))
    reference = np.load(fixtures_dir / "refs" / "asr_conformer.npz")
    scp = (fixtures_dir / "data" / "test_seen" / "wav.scp").read_text().split()
    paths = dict(zip(scp[::2], scp[1::2], strict=True))
    waves = [
        torch.from_numpy(soundfile.read(fixtures_dir / paths[u], dtype="float32")[0]) for u in reference["utts"][:3]
    ]
    lengths = torch.tensor([len(wave) for wave in waves])
    with torch.no_grad():
        output, valid = model.encode(torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), lengths)
    for i, length in enumerate(valid):
        np.testing.assert_allclose(output[i, :length].numpy(), reference[f"{i}.encoder_out"], atol=2e-4)


@pytest.mark.parametrize("name", ["lm_rnn", "lm_transformer"])
def test_language_models_load(fixtures_dir, name):
    directory = fixtures_dir / "models" / name
    model, _ = LMTask.build_model_from_file(directory / "config.yaml", directory / "valid.loss.ave.pth")
    assert model.sos == model.eos == 29


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tts_fastspeech2", "found one of text-to-speech"),
        ("lm_rnn", "found one of a language model"),
    ],
)
def test_other_models_are_told_apart(fixtures_dir, name, message):
    with pytest.raises(ConfigError, match=message):
        ASRTask.build_model_from_file(fixtures_dir / "models" / name / "config.yaml")
