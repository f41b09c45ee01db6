"""Rows of models of many tasks that have CTC alone, such as OWSM-CTC: whole models; parts have rows of their own."""

from __future__ import annotations

from typing import Any

import s2t_ctc_cases
from zoo_data import Array, Config, Row
from zoo_rows import FEATURES, SAMPLES

TASK = "espnet2.tasks.s2t_ctc:S2TTask"
VOCABULARY = len(s2t_ctc_cases.TOKENS)
_SHORT: dict[str, Any] = {"frontend_conf": {"fs": 16000, "n_fft": 256, "hop_length": 64, "n_mels": FEATURES}}
_PROMPT = (Array("prefix", (2,), below=VOCABULARY), Array("text_prev", ("u",), below=VOCABULARY))
_MODELS = {name: {**config, **_SHORT} for name, config in s2t_ctc_cases.MODELS.items()}
ROWS = [
    Row(f"s2t_ctc-{name}", "encode_prompted", Config(TASK, _MODELS[name]), (Array("speech", ("n",)), *_PROMPT), SAMPLES)
    for name in ("conditioned", "relative")
]
SAME_GRAPH = {"s2t_ctc-relative"}
ROUND_TRIP = {"s2t_ctc": Config(TASK, _MODELS["conditioned"])}
