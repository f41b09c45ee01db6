"""Rows of translators of texts and of recognisers of discrete units: front ends and whole models."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_rows import MODEL

TASK = "espnet2.tasks.mt:MTTask"
SOURCE = ["<blank>", "<unk>", *"abcdefgh", "<space>", "<sos/eos>"]
TARGET = ["<blank>", "<unk>", *"uvwxyz", "<space>", "<sos/eos>"]
LENGTHS = (11, 6, 3)  # tokens
_TEXT = (Array("src_text", ("n",), below=len(SOURCE) - 1),)
_SIZES = {"input_size": 12, "embed_dim": 8}
_EMBEDDING = "espnet2.mt.frontend.embedding:"
BLOCKS = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1, "input_layer": None}
_MT: dict[str, Any] = {
    "src_token_list": SOURCE,
    "token_list": TARGET,
    "src_token_type": "char",
    "token_type": "char",
    "frontend": "embed",
    "frontend_conf": {"embed_dim": MODEL},
    "encoder": "transformer",
    "encoder_conf": BLOCKS,
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 24, "num_blocks": 1},
    "model": "mt",
    "model_conf": {},
}
_UNITS = {"model": "discrete_asr", "ctc_conf": {}, "model_conf": {"ctc_weight": 0.3}}
_RNN = {
    "encoder": "rnn",
    "encoder_conf": {"hidden_size": 12, "output_size": MODEL, "num_layers": 1, "subsample": [1]},
    "decoder": "rnn",
    "decoder_conf": {"hidden_size": 12, "att_conf": {"adim": 10, "aconv_chans": 3, "aconv_filts": 5}},
}
ROWS = [
    Row(
        "frontend-embed", "embedding", New(f"{_EMBEDDING}Embedding", {"input_size": 12, "embed_dim": 8}), _TEXT, LENGTHS
    ),
    Row(
        "frontend-patch",
        "embedding",
        New(f"{_EMBEDDING}PatchEmbedding", {**_SIZES, "token_per_frame": 2}),
        _TEXT,
        (12, 6, 4),
    ),
    Row("mt-transformer", "encode", Config(TASK, _MT), _TEXT, LENGTHS, keep=4),
    Row("mt-units", "encode", Config(TASK, {**_MT, **_UNITS}), _TEXT, LENGTHS, keep=4),
]
SAME_GRAPH = {"mt-units"}
ROUND_TRIP = {"mt": Config(TASK, {**_MT, **_UNITS})}
# Models that decode whole texts.
DECODED = {
    f"mt-{name}": Config(TASK, {**_MT, **keys})
    for name, keys in {
        "plain": {},
        "rnn": _RNN,
        "units": _UNITS,
        "patch": {
            "frontend": "patch",
            "frontend_conf": {"embed_dim": MODEL, "token_per_frame": 2},
            "model_conf": {"patch_size": 2},
        },
        "shared": {"model_conf": {"share_decoder_input_output_embed": True}},
        "conformer": {**_UNITS, "encoder": "conformer", "encoder_conf": {**BLOCKS, "cnn_module_kernel": 5}},
        "shorter": {**_UNITS, "encoder_conf": {**BLOCKS, "input_layer": "conv1d2"}},
        "branchformer": {
            "encoder": "e_branchformer",
            "encoder_conf": {**BLOCKS, "cgmlp_linear_units": 24, "cgmlp_conv_kernel": 5, "merge_conv_kernel": 3},
        },
    }.items()
}
