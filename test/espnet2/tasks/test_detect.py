"""The task that a config.yaml belongs to; `test_task_keys.py` asks it for the configs of upstream's tasks."""

import pytest

from espnet2.interface.errors import ConfigError
from espnet2.interface.families import FAMILIES, kind_of
from espnet2.tasks.detect import MARKS, TASKS, detect, task_of

RECOGNISERS = ("asr", "asr_transducer")


@pytest.mark.parametrize(
    ("data", "task"),
    [
        ({"joint_network_conf": {}}, "asr_transducer"),
        ({"encoder_conf": {"body_conf": []}}, "asr_transducer"),
        ({"encoder_conf": {"output_size": 8}}, None),
        ({"encoder_conf": None}, None),
        ({"ctc_conf": {}}, "asr"),
        ({"ctc_conf": {}, "preprocessor": "S2T"}, "s2t"),
        ({"ctc_conf": {}, "model_conf": {"sym_na": "<na>"}}, "s2t"),
        ({"lm": "transformer"}, "lm"),
        ({"tts": "fastspeech2"}, "tts"),
        ({"tts": "vits", "generator_first": False}, "gan_tts"),
        ({"codec": "dac", "generator_first": False}, "gan_codec"),
        ({"pooling": "mean", "spk2utt": ""}, "spk"),
        ({"pooling": "mean", "lang2utt": ""}, "lid"),
    ],
)
def test_keys_tell_the_task(data, task):
    assert detect(data) == task


def test_a_config_without_marks_is_of_the_first_task_expected():
    assert task_of({"token_list": []}, RECOGNISERS, "x") == "asr"
    assert task_of({"encoder_conf": {"body_conf": []}}, RECOGNISERS, "x") == "asr_transducer"
    with pytest.raises(ConfigError, match=r"^x: expected a config of speech .*, found one of a language"):
        task_of({"lm": "seq_rnn"}, RECOGNISERS, "x")


def test_every_task_has_a_name_in_messages():
    assert {*map(kind_of, FAMILIES), *(task for _, task in MARKS)} <= set(TASKS)
