"""Rows of transducers: prediction networks and the joint network."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Row
from zoo_rows import MODEL, TEXT, VOCABULARY, family

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
SAME_GRAPH = {"transducer-dropout", "joint-relu-no-bias"}
REFUSED = [
    ("transducer-lstm", {"rnn_type": "rnn"}, "rnn_type.*rnn.*gru"),
    ("transducer-lstm", {"num_layers": 0}, "num_layers.*positive.*0"),
    ("joint-default", {"joint_activation_type": "gelu"}, "activation.*gelu.*tanh"),
    ("joint-default", {"softplus_beta": 1.0}, "joint_net_conf.*softplus_beta"),
]
