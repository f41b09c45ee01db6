"""Configurations of speaker models."""

from argparse import Namespace

import pytest

from espnet2.interface.errors import ConfigError
from espnet2.runtime.map_model import MapSection
from espnet2.tasks.spk import SpeakerTask

SMALL = {
    "frontend": "melspec_torch",
    "frontend_conf": {"n_mels": 20},
    "encoder": "ecapa_tdnn",
    "encoder_conf": {"ndim": 8, "model_scale": 2, "output_size": 12},
    "projector_conf": {"output_size": 6},
    "spk_num": 3,
}
# What upstream's recipes of VoxCeleb say of training.
RECIPE = {
    "iterator_type": "category",
    "valid_iterator_type": "sequence",
    "batch_type": "folded",
    "shuffle_within_batch": False,
    "preprocessor": "spk",
    "preprocessor_conf": {
        "target_duration": 3.0,
        "sample_rate": 16000,
        "num_eval": 5,
        "noise_apply_prob": 0.5,
        "noise_info": [[1.0, "dump/raw/musan_speech.scp", [4, 7], [13, 20]]],
        "rir_apply_prob": 0.5,
        "rir_scp": "dump/raw/rirs.scp",
    },
    "optim": "adam",
    "optim_conf": {"lr": 0.001, "weight_decay": 5e-05, "amsgrad": False},
    "scheduler": "CosineAnnealingWarmupRestarts",
    "spk2utt": "dump/raw/voxceleb12_devs/spk2utt",
    "target_duration": 3.0,
    "version": "202402",
}


def test_a_config_of_a_recipe():
    model = SpeakerTask.build_model({**SMALL, **RECIPE})
    assert model.loss.weight.shape == (3, 6)
    assert model.embedding_size() == 6
    ((_, component),) = model.parts()
    assert [tensor.axes for tensor in component.outputs] == [("batch", 6)]


def test_without_speakers_there_is_no_loss():
    assert SpeakerTask.build_model({**SMALL, "spk_num": None}).loss is None


@pytest.mark.parametrize(
    ("changes", "rate"),
    [
        ({}, 16000),
        ({"sample_rate": 8000}, 8000),
        ({"frontend": "default", "frontend_conf": {"fs": "8k", "n_mels": 20}}, 8000),
        ({"frontend": "default", "frontend_conf": {"n_mels": 20}, "sample_rate": 8000}, 8000),
    ],
)
def test_the_section_has_the_sampling_rate(changes, rate):
    model = SpeakerTask.build_model({**SMALL, **changes})
    config = Namespace(sample_rate=changes.get("sample_rate", 16000))
    assert SpeakerTask.section(model, config, None, False) == MapSection(rate)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": "rawnet4"}, "encoder: expected one of rawnet3.*, found 'rawnet4'"),
        ({"pooling": "max"}, "pooling: expected one of .*, found 'max'"),
        ({"projector": None}, "projector: expected one of rawnet3, ska_tdnn, xvector, found null"),
        ({"projector_conf": {"outputs": 6}}, "projector_conf.outputs: expected an option of RawNet3Projector"),
        ({"frontend": None, "frontend_conf": {}}, "input_size: expected the size of the features"),
        ({"frontend": "sliding_window", "frontend_conf": {}}, "frontend: expected frames of one axis"),
        ({"spk_num": 0}, "spk_num: expected a positive number, found 0"),
        ({"model_conf": {"margin": 1}}, "model_conf.margin: expected an option of ESPnetSpeakerModel"),
        ({"speaker_number": 3}, "unknown key 'speaker_number'"),
    ],
)
def test_what_a_config_may_not_say(changes, message):
    with pytest.raises(ConfigError, match=message):
        SpeakerTask.build_model({**SMALL, **changes})
