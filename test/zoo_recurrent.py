"""Rows of the recurrent encoders."""

from __future__ import annotations

from typing import Any

from zoo_data import Row
from zoo_rows import FEATURES, FRAMES, MODEL, family

_SIZES = {"input_size": FEATURES, "hidden_size": 10, "output_size": MODEL, "num_layers": 2}
RNNS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru": {"rnn_type": "gru"},
    "one-way": {"bidirectional": False},
    "gru-one-way": {"rnn_type": "gru", "bidirectional": False},
    "no-projection": {"use_projection": False},
    "gru-no-projection": {"rnn_type": "gru", "use_projection": False},
    "one-way-no-projection": {"bidirectional": False, "use_projection": False},
    "one-layer-no-projection": {"num_layers": 1, "use_projection": False},
    "no-subsampling": {"subsample": None},
    "subsample3": {"subsample": (3, 1)},
    "subsample-first": {"subsample": (2,), "num_layers": 3},
    "subsample-more": {"subsample": (1, 2, 2, 1)},
    "training-options": {"dropout": 0.3, "use_projection": False},
}
VGGS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru-one-way": {"rnn_type": "gru", "bidirectional": False},
    "no-projection": {"use_projection": False},
    "two-channels": {"in_channel": 2, "num_layers": 1},
}


def _rows(prefix: str, target: str, options: dict[str, dict[str, Any]], base: dict[str, Any]) -> list[Row]:
    return family(prefix, "encoder", f"espnet2.asr.encoder.{target}", FRAMES, options, base)


ROWS = [
    *_rows("rnn", "rnn_encoder:RNNEncoder", RNNS, _SIZES),
    *_rows("vgg_rnn", "vgg_rnn_encoder:VGGRNNEncoder", VGGS, _SIZES),
]
SAME_GRAPH = {
    *(f"rnn-{name}" for name in ("gru-no-projection", "one-way-no-projection", "one-layer-no-projection")),
    *(f"rnn-{name}" for name in ("gru-one-way", "subsample-first", "subsample-more", "training-options")),
    "vgg_rnn-no-projection",
    "vgg_rnn-gru-one-way",
}
LONG = {"rnn-lstm", "rnn-gru", "vgg_rnn-lstm"}
REFUSED = [
    ("rnn-lstm", {"rnn_type": "lru"}, "rnn_type.*lru.*lstm, gru"),
    ("rnn-lstm", {"num_layers": 0}, "num_layers.*positive.*0"),
    ("rnn-lstm", {"hidden_size": 0}, "hidden_size.*positive.*0"),
    ("rnn-lstm", {"dropout": 1.5}, r"dropout.*1\.5"),
    ("rnn-lstm", {"subsample": (0, 1)}, "subsample.*positive.*0"),
    ("vgg_rnn-lstm", {"rnn_type": "rnn"}, "rnn_type.*rnn.*lstm, gru"),
    ("vgg_rnn-lstm", {"in_channel": 3}, "in_channel.*20.*3"),
]
