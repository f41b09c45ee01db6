"""Rows of the prediction networks of espnet2.asr_transducer."""

from __future__ import annotations

from typing import Any

from zoo_data import Row
from zoo_rows import TEXT, VOCABULARY, family

DECODER = "espnet2.asr_transducer.decoder."
SIZE = 12
RNN: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru": {"rnn_type": "gru", "embed_pad": 3},
    "two-layers": {"num_layers": 2, "dropout_rate": 0.1, "embed_dropout_rate": 0.1},
}
STATELESS: dict[str, dict[str, Any]] = {"default": {}, "dropout": {"embed_dropout_rate": 0.1}}
MEGA: dict[str, dict[str, Any]] = {
    "default": {},
    "rotary": {"rel_pos_bias_type": "rotary", "num_blocks": 1, "chunk_size": 0},
    "chunks": {"chunk_size": 3},
    "rotary-chunks": {"rel_pos_bias_type": "rotary", "chunk_size": 4, "truncation_length": 1, "num_blocks": 1},
    "truncated": {"truncation_length": 4, "activation_type": "ftswish", "activation_args": {"ftswish_threshold": -0.1}},
    "rms-norm": {
        "normalization_type": "rms_norm",
        "normalization_args": {"partial": 0.5, "eps": 0.1},
        "activation_type": "mish",
        "num_heads": 1,
    },
    "dropout": {
        "normalization_type": "scale_norm",
        "activation_type": "hardtanh",
        "activation_args": {"hardtanh_max_val": 2},
        "dropout_rate": 0.1,
        "embed_dropout_rate": 0.1,
        "att_dropout_rate": 0.1,
        "ema_dropout_rate": 0.1,
        "ffn_dropout_rate": 0.1,
    },
}
RWKV: dict[str, dict[str, Any]] = {
    "default": {},
    "sizes": {"linear_size": 20, "attention_size": 8, "embed_pad": 2},
    "basic-norm": {
        "normalization_type": "basic_norm",
        "normalization_args": {"eps": 0.3},
        "rescale_every": 1,
        "embed_dropout_rate": 0.1,
        "att_dropout_rate": 0.1,
        "ffn_dropout_rate": 0.1,
    },
}

ROWS: list[Row] = [
    *family(
        "labels-rnn",
        "transducer",
        f"{DECODER}rnn_decoder:RNNDecoder",
        TEXT,
        RNN,
        {"vocab_size": VOCABULARY, "embed_size": 10, "hidden_size": SIZE},
    ),
    *family(
        "labels-stateless",
        "transducer",
        f"{DECODER}stateless_decoder:StatelessDecoder",
        TEXT,
        STATELESS,
        {"vocab_size": VOCABULARY, "embed_size": SIZE},
    ),
    *family(
        "labels-mega",
        "transducer",
        f"{DECODER}mega_decoder:MEGADecoder",
        TEXT,
        MEGA,
        {
            "vocab_size": VOCABULARY,
            "block_size": SIZE,
            "linear_size": 10,
            "qk_size": 6,
            "v_size": 14,
            "num_heads": 3,
            "max_positions": 32,
            "num_blocks": 2,
        },
    ),
    *family(
        "labels-rwkv",
        "transducer",
        f"{DECODER}rwkv_decoder:RWKVDecoder",
        TEXT,
        RWKV,
        {"vocab_size": VOCABULARY, "block_size": SIZE, "num_blocks": 3},
    ),
]
SAME_GRAPH = {
    "labels-stateless-dropout",
    "labels-mega-rms-norm",
    "labels-mega-dropout",
    "labels-rwkv-sizes",
    "labels-rwkv-basic-norm",
}
REFUSED = [
    ("labels-rnn-lstm", {"rnn_type": "rnn"}, "rnn_type.*rnn.*gru"),
    ("labels-rnn-lstm", {"num_layers": 0}, "num_layers.*positive.*0"),
    ("labels-rnn-lstm", {"embed_size": 0}, "embed_size.*positive.*0"),
    ("labels-rnn-lstm", {"dropout_rate": 1.5}, "dropout_rate.*0 to 1.*1.5"),
    *(
        (name, {"embed_pad": VOCABULARY}, "embed_pad.*11 labels.*11")
        for name in ("labels-rnn-lstm", "labels-stateless-default", "labels-mega-default", "labels-rwkv-default")
    ),
    ("labels-stateless-default", {"embed_size": 0}, "embed_size.*positive.*0"),
    ("labels-mega-default", {"rel_pos_bias_type": "alibi"}, "rel_pos_bias_type.*alibi.*rotary"),
    ("labels-mega-rotary", {"qk_size": 5}, "qk_size.*even.*5"),
    ("labels-mega-default", {"truncation_length": 0}, "truncation_length.*positive.*0"),
    ("labels-mega-default", {"max_positions": 0}, "max_positions.*positive.*0"),
    ("labels-mega-default", {"activation_type": "gelu"}, "activation.*gelu.*swish"),
    ("labels-mega-default", {"activation_args": {"beta": 2}}, "beta.*swish_beta"),
    ("labels-mega-default", {"normalization_args": {"bias": False}}, "eps.*bias"),
    ("labels-mega-default", {"ema_dropout_rate": -1.0}, "ema_dropout_rate.*0 to 1.*-1"),
    ("labels-rwkv-default", {"normalization_type": "batch"}, "normalization_type.*batch.*layer_norm"),
    ("labels-rwkv-default", {"attention_size": 0}, "attention_size.*positive.*0"),
]
