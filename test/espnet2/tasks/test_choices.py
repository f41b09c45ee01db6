"""Building a chosen class from a config section: each mistake gets one sentence that names the option."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import pytest

from espnet2.runtime.errors import ConfigError
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.choices import Choices, describe, load_class
from espnet2.tasks.lm import LMTask

ENCODER = Choices("encoder", {"conformer": "espnet2.asr.encoder.conformer_encoder:ConformerEncoder"})
FRONTEND = Choices("frontend", {"default": "espnet2.asr.frontend.default:DefaultFrontend"}, optional=True)
NORMALIZE = Choices("normalize", {"global_mvn": "espnet2.layers.global_mvn:GlobalMVN"}, optional=True)


@pytest.mark.parametrize("section", [choices for task in (ASRTask, LMTask) for choices in task.choices])
def test_every_registered_class_exists(section):
    for target in section.classes.values():
        assert isinstance(load_class(target), type)


@pytest.mark.parametrize("choice", [None, "none", "None", "null", "nil"])
def test_null_means_nothing_where_it_may(choice):
    assert FRONTEND.build(choice, {}) is None
    with pytest.raises(ConfigError, match="encoder: expected one of conformer, found null"):
        ENCODER.build(choice, {})


@pytest.mark.parametrize(
    ("choices", "choice", "conf", "message"),
    [
        (ENCODER, "foo", {}, "encoder: unknown choice 'foo'; known ones: conformer$"),
        (Choices("preencoder", {}, True), "sinc", {}, "preencoder: unknown choice 'sinc'; known ones: null$"),
        (
            ENCODER,
            "conformer",
            {"blocks": 3},
            "encoder_conf.blocks: not an option of ConformerEncoder; known ones: out",
        ),
        (ENCODER, "conformer", {"input_size": 3}, "encoder_conf.input_size: not an option of ConformerEncoder"),
        (ENCODER, "conformer", {"num_blocks": "x"}, "encoder_conf.num_blocks: expected int, found str 'x'$"),
        (ENCODER, "conformer", {"num_blocks": None}, "encoder_conf.num_blocks: expected int, found null$"),
        (ENCODER, "conformer", {"dropout_rate": "1e-1"}, "encoder_conf.dropout_rate: expected float, found str '1e-1'"),
        (
            ENCODER,
            "conformer",
            {"interctc_layer_idx": [1, "2"]},
            "encoder_conf.interctc_layer_idx: expected .* found list",
        ),
        (ENCODER, "conformer", {"input_layer": "conv9"}, "encoder_conf: .*conv9.*conv2d8"),
        (FRONTEND, "default", {"fs": 16.0}, "frontend_conf.fs: expected int or str, found float 16.0$"),
        (FRONTEND, "default", {"fs": "fast"}, "frontend_conf: fs: expected a sampling rate"),
        (NORMALIZE, "global_mvn", {}, "normalize_conf.stats_file: GlobalMVN needs it, and it is not given"),
    ],
)
def test_mistakes_are_named(choices, choice, conf, message):
    given = {"input_size": 20} if choices is ENCODER else {}
    with pytest.raises(ConfigError, match=message):
        choices.build(choice, conf, **given)


def test_null_options_are_no_options():
    assert FRONTEND.build("Default", None).output_size() == 80


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "int"),
        (Optional[float], "float or null"),  # noqa: UP045 - both spellings occur
        (int | str | None, "int or str or null"),
        (list[int], "list of int"),
        (Union[int, Sequence[int]], "int or sequence of int"),  # noqa: UP007
        (dict[str, Any], "dict"),
    ],
)
def test_types_in_words(hint, words):
    assert describe(hint) == words
