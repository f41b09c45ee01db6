"""Rows of Mask-CTC recognisers: the masked language model that is their decoder, and whole models."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, Row, Stats
from zoo_rows import FEATURES, LENGTHS, MEMORY, MODEL, SAMPLES, SPEECH, VOCABULARY, family

_MASKED = Array("tokens", ("u",), below=VOCABULARY + 1)  # the mask's index is the size of the vocabulary
_VECTORS = Array("tokens", ("u", VOCABULARY + 1))
_DECODER = {
    "vocab_size": VOCABULARY,
    "encoder_output_size": MODEL,
    "attention_heads": 2,
    "linear_units": 24,
    "num_blocks": 2,
}
DECODERS: dict[str, dict[str, Any]] = {
    "default": {},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "no-output-layer": {"use_output_layer": False},
    "dropout": {
        "dropout_rate": 0.3,
        "positional_dropout_rate": 0.2,
        "self_attention_dropout_rate": 0.1,
        "src_attention_dropout_rate": 0.1,
    },
}
_BLOCKS = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1}
_ASR = {
    "model": "maskctc",
    "token_list": ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"],
    "frontend": "default",
    "frontend_conf": {"fs": "16k", "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "global_mvn",
    "normalize_conf": {"stats_file": Stats(FEATURES)},
    "encoder": "transformer",
    "encoder_conf": _BLOCKS,
    "decoder": "mlm",
    "decoder_conf": {"attention_heads": 2, "linear_units": 24, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1},
}
MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "ctc-only": {"model_conf": {"ctc_weight": 1.0}},
    "interctc": {
        "encoder_conf": {**_BLOCKS, "interctc_layer_idx": [1], "interctc_use_conditioning": True, "num_blocks": 2},
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.5, "sym_mask": "[MASK]"},
    },
}


def _rows() -> list[Row]:
    decoder = "espnet2.asr.decoder.mlm_decoder:MLMDecoder"
    rows = family("mlm", "mlm", decoder, (MEMORY, _MASKED), DECODERS, _DECODER, LENGTHS)
    rows += family("mlm", "mlm", decoder, (MEMORY, _VECTORS), {"linear": {"input_layer": "linear"}}, _DECODER, LENGTHS)
    for name, keys in MODELS.items():
        make = Config("espnet2.tasks.asr:ASRTask", {**_ASR, **keys})
        rows.append(Row(f"maskctc-{name}", "encode", make, SPEECH, SAMPLES))
    return rows


ROWS = _rows()
SAME_GRAPH = {"mlm-normalize_after", "mlm-concat_after", "mlm-dropout", *(f"maskctc-{name}" for name in MODELS)}
# They read or give vectors where graphs have tokens.
NO_GRAPH = {"mlm-linear", "mlm-no-output-layer"}
REFUSED = [
    ("mlm-default", {"input_layer": "conv2d"}, "input_layer.*conv2d.*embed"),
    ("mlm-default", {"attention_heads": 3}, "16.*3"),
    ("mlm-default", {"num_blocks": 0}, "num_blocks.*0"),
    ("mlm-default", {"qk_norm": True}, "qk_norm"),
]
