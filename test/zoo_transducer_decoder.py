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
]
SAME_GRAPH = {"labels-stateless-dropout"}
REFUSED = [
    ("labels-rnn-lstm", {"rnn_type": "rnn"}, "rnn_type.*rnn.*gru"),
    ("labels-rnn-lstm", {"num_layers": 0}, "num_layers.*positive.*0"),
    ("labels-rnn-lstm", {"embed_size": 0}, "embed_size.*positive.*0"),
    ("labels-rnn-lstm", {"dropout_rate": 1.5}, "dropout_rate.*0 to 1.*1.5"),
    ("labels-stateless-default", {"embed_size": 0}, "embed_size.*positive.*0"),
]
