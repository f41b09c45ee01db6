"""Building a chosen class from a config section: each mistake gets one sentence that names the option."""

import math
from collections.abc import Sequence
from typing import Any, Optional, Union

import pytest
import torch

from espnet2.interface.errors import ConfigError
from espnet2.tasks import choices as registry
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.choices import Choices, describe, load_class
from espnet2.tasks.lm import LMTask
from espnet2.tasks.optimisation import OPTIM, SCHEDULER
from espnet2.torch_utils.size_limit import require_sizes

ENCODER = Choices("encoder", {"conformer": "espnet2.asr.encoder.conformer_encoder:ConformerEncoder"})
DECODER = Choices("decoder", {"transformer": "espnet2.asr.decoder.transformer_decoder:TransformerDecoder"})
LM = Choices(
    "lm", {"seq_rnn": "espnet2.lm.seq_rnn_lm:SequentialRNNLM", "transformer": "espnet2.lm.transformer_lm:TransformerLM"}
)
GIVEN = {"encoder": {"input_size": 20}, "decoder": {"vocab_size": 6, "encoder_output_size": 8}, "lm": {"vocab_size": 6}}
FRONTEND = Choices("frontend", {"default": "espnet2.asr.frontend.default:DefaultFrontend"}, optional=True)
NORMALIZE = Choices("normalize", {"global_mvn": "espnet2.layers.global_mvn:GlobalMVN"}, optional=True)


@pytest.mark.parametrize("section", [choices for task in (ASRTask, LMTask) for choices in task.choices()])
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
        (ENCODER, "foo", {}, "encoder: expected one of conformer, found 'foo'$"),
        (Choices("preencoder", {}, optional=True), "sinc", {}, "preencoder: expected one of null, found 'sinc'$"),
        (
            ENCODER,
            "conformer",
            {"blocks": 3},
            r"encoder_conf.blocks: expected an option of ConformerEncoder \(num_blocks, out",
        ),
        (
            ENCODER,
            "conformer",
            {"input_size": 3},
            "encoder_conf.input_size: expected an option of ConformerEncoder .*, found an unknown name",
        ),
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
        (ENCODER, "conformer", {"attention_heads": 0}, "encoder_conf: attention_heads: expected a positive number"),
        (
            ENCODER,
            "conformer",
            {"attention_heads": 3},
            "encoder_conf: expected values that .* found: 256 features .* 3 attention heads",
        ),
        (ENCODER, "conformer", {"output_size": -4}, "encoder_conf: output_size: expected .*, found -4"),
        (ENCODER, "conformer", {"num_blocks": 0}, "encoder_conf: num_blocks: expected .*, found 0"),
        (ENCODER, "conformer", {"linear_units": 0}, "encoder_conf: linear_units: expected .*, found 0"),
        (ENCODER, "conformer", {"cnn_module_kernel": 8}, "encoder_conf: expected an odd kernel size, found 8"),
        (
            ENCODER,
            "conformer",
            {"positionwise_layer_type": "conv1d", "positionwise_conv_kernel_size": 4},
            "encoder_conf: expected an odd kernel size, found 4",
        ),
        (ENCODER, "conformer", {"dropout_rate": 2}, "encoder_conf: dropout_rate: .*found 2"),
        (DECODER, "transformer", {"dropout_rate": float("nan")}, "decoder_conf: dropout_rate: .*found nan"),
        (LM, "transformer", {"positional_dropout_rate": -1}, "lm_conf: positional_dropout_rate: .*found -1"),
        (ENCODER, "conformer", {"attention_dropout_rate": 2}, "encoder_conf: attention_dropout_rate: .*found 2"),
        (ENCODER, "conformer", {"layer_drop_rate": -1}, "encoder_conf: layer_drop_rate: .*found -1"),
        (ENCODER, "conformer", {"stochastic_depth_rate": 2}, "encoder_conf: stochastic_depth_rate: .*found 2"),
        (DECODER, "transformer", {"num_blocks": 0}, "decoder_conf: num_blocks: expected .*, found 0"),
        (DECODER, "transformer", {"linear_units": 0}, "decoder_conf: linear_units: expected .*, found 0"),
        (
            DECODER,
            "transformer",
            {"pos_enc_class": "x"},
            "decoder_conf.pos_enc_class: expected type of positions, found str 'x'",
        ),
        (LM, "seq_rnn", {"unit": 0}, "lm_conf: unit: expected .*, found 0"),
        (LM, "seq_rnn", {"nlayers": 0}, "lm_conf: nlayers: expected .*, found 0"),
        (LM, "transformer", {"head": 0}, "lm_conf: head: expected .*, found 0"),
        (FRONTEND, "default", {"n_fft": 0}, "frontend_conf: n_fft: expected .*, found 0"),
        (FRONTEND, "default", {"hop_length": 0}, "frontend_conf: hop_length: expected .*, found 0"),
        (FRONTEND, "default", {"win_length": 0}, "frontend_conf: win_length: expected .*, found 0"),
        (FRONTEND, "default", {"n_mels": 0}, "frontend_conf: n_mels: expected .*, found 0"),
        (FRONTEND, "default", {"fs": 0}, "frontend_conf: fs: expected .*, found 0"),
        (FRONTEND, "default", {"fmin": 9000}, "frontend_conf: fmin, fmax: expected .*, found 9000 and 8000"),
        (FRONTEND, "default", {"fs": 16.0}, "frontend_conf.fs: expected int or str, found float 16.0$"),
        (FRONTEND, "default", {"fs": "fast"}, "frontend_conf: fs: expected a sampling rate"),
        (NORMALIZE, "global_mvn", {}, "normalize_conf.stats_file: expected a value, which GlobalMVN needs, found none"),
    ],
)
def test_mistakes_are_named(choices, choice, conf, message):
    with pytest.raises(ConfigError, match=message) as caught:
        choices.build(choice, conf, **GIVEN.get(choices.section, {}))
    assert "\n" not in str(caught.value)


def _divide():
    return 1 / 0


@pytest.mark.parametrize(
    ("fail", "found"),
    [
        (lambda: torch.zeros(-1), "non-negative"),
        (_divide, "division by zero"),
        (lambda: [][1], "list index out of range"),
        (lambda: len(3), "has no len"),
        (lambda: (_ for _ in ()).throw(AssertionError()), "AssertionError"),
        (lambda: math.exp(1000), "range error"),
    ],
)
def test_what_a_constructor_raises_names_the_section(monkeypatch, fail, found):
    monkeypatch.setattr(registry, "load_class", lambda target: type("Part", (), {"__init__": lambda self: fail()}))
    with pytest.raises(ConfigError, match=f"frontend_conf: .*{found}"):
        FRONTEND.build("default", {})


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


@pytest.mark.parametrize(
    ("name", "conf"),
    [
        ("onecyclelr", {"max_lr": 0.1, "total_steps": 500_000}),
        ("cosineannealinglr", {"T_max": 200_000}),
        ("multisteplr", {"milestones": [200_000, 400_000]}),
        ("warmuplr", {"warmup_steps": 250_000}),
    ],
)
def test_numbers_of_steps_are_no_sizes(name, conf):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    assert SCHEDULER.build(name, conf, optimizer=optimiser) is not None


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (
            {"frontend_conf": {"use_wpe": True, "wlayers": 20_000}},
            r"x\.frontend_conf\.wlayers: .* at most 1000, .* 20000",
        ),
        ({"frontends": [{"n_fft": 512}, {"n_fft": 10**9}]}, r"x\.frontends\.n_fft: .* at most 100000"),
        ({"conv": [[512, 10], [10**6, 3]]}, r"x\.conv: .* found 1000000"),
        ({"blayers": 1001}, r"x\.blayers: .* at most 1000"),
        ({"layers": [3072, 2000], "max_pos_emb_len": 200_000, "use_wpe": True, "frontend_conf": {1: None}}, None),
    ],
)
def test_sizes_are_bounded_at_every_depth(conf, message):
    if message is None:
        require_sizes("x", conf)
        return
    with pytest.raises(ConfigError, match=message):
        require_sizes("x", conf)


def test_lists_are_tuples_where_a_class_wants_those():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = OPTIM.build("adam", {"betas": [0.8, 0.99]}, params=[parameter])
    assert optimizer.param_groups[0]["betas"] == (0.8, 0.99)
    with pytest.raises(ConfigError, match=r"optim_conf.betas: expected tuple"):
        OPTIM.build("adam", {"betas": 0.8}, params=[parameter])
