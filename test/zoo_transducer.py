"""Rows of transducers: prediction networks and the joint network."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, Row
from zoo_rows import HIDDEN, LENGTHS, MODEL, TEXT, VOCABULARY, family

PREDICTED = 12
DECODERS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru": {"rnn_type": "gru"},
    "two-layers": {"num_layers": 2},
    "dropout": {"num_layers": 2, "dropout": 0.1, "dropout_embed": 0.1},
}
JOINTS: dict[str, dict[str, Any]] = {
    "default": {},
    "relu-no-bias": {"joint_activation_type": "relu", "lin_dec_bias": False},
    "smish": {"joint_activation_type": "smish", "smish_alpha": 1.5, "smish_beta": 0.5},
}
_PAIRS = (Array("frames", ("n", MODEL)), Array("predicted", ("n", PREDICTED)))

ROWS: list[Row] = [
    *family(
        "transducer",
        "transducer",
        "espnet2.asr.decoder.transducer_decoder:TransducerDecoder",
        TEXT,
        DECODERS,
        {"vocab_size": VOCABULARY, "hidden_size": PREDICTED},
    ),
    *family(
        "joint",
        "joint",
        "espnet2.asr_transducer.joint_network:JointNetwork",
        _PAIRS,
        JOINTS,
        {"output_size": VOCABULARY, "encoder_size": MODEL, "decoder_size": PREDICTED, "joint_space_size": 10},
    ),
]
SAME_GRAPH = {"transducer-dropout", "joint-relu-no-bias", "joint-smish"}
_MODEL = {
    "model": "espnet",
    "token_list": ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"],
    "input_size": MODEL,
    "frontend": None,
    "frontend_conf": {},
    "normalize": None,
    "normalize_conf": {},
    "encoder": "transformer",
    "encoder_conf": {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1},
    "decoder": "transducer",
    "decoder_conf": {"hidden_size": PREDICTED},
    "joint_net_conf": {"joint_space_size": 10},
    "ctc_conf": {},
    "model_conf": {"ctc_weight": 0.3},
}
ROWS.append(Row("model-transducer", "encode", Config("espnet2.tasks.asr:ASRTask", _MODEL), HIDDEN, LENGTHS))
REFUSED = [
    ("transducer-lstm", {"rnn_type": "rnn"}, "rnn_type.*rnn.*gru"),
    ("transducer-lstm", {"num_layers": 0}, "num_layers.*positive.*0"),
    ("joint-default", {"joint_activation_type": "gelu"}, "activation.*gelu.*tanh"),
    ("joint-default", {"swish_alpha": 2}, "parameter.*swish_alpha.*swish_beta"),
    ("joint-default", {"joint_space_size": 0}, "joint_space_size.*positive.*0"),
]
