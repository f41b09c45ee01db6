"""Rows of encoders that look at a part of an utterance at a time, and of recognisers of several speakers."""

from __future__ import annotations

from typing import Any

from zoo_data import Config, Row
from zoo_rows import FEATURES, MODEL, SAMPLES, SPEECH, encoders

_SIZES = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1}
# 43, 29 and 17 frames are many blocks, or with "conv2d8" a single one.
_BLOCKS = {**_SIZES, "num_blocks": 2, "block_size": 5, "hop_size": 2, "look_ahead": 1}
_CONFORMER = {**_BLOCKS, "cnn_module_kernel": 3, "macaron_style": True}
BLOCKWISE: dict[str, dict[str, Any]] = {
    "conv2d": {},
    "conv2d6": {"input_layer": "conv2d6"},
    "conv2d8": {"input_layer": "conv2d8"},
    "linear": {"input_layer": "linear"},
    "linear-one-or-more": {"input_layer": "linear", "block_size": 29, "hop_size": 9, "look_ahead": 9},
    "linear-no-look_ahead": {"input_layer": "linear", "block_size": 4, "hop_size": 4, "look_ahead": 0},
    "linear-three-layers": {"input_layer": "linear", "num_blocks": 3},
    "embed": {"input_layer": "embed"},
    "no-input-layer": {"input_layer": None},
    "whole": {"block_size": 0},
    "no-ctx_pos_enc": {"ctx_pos_enc": False},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "conv1d": {"positionwise_layer_type": "conv1d", "positionwise_conv_kernel_size": 3},
    "conv1d-linear": {"positionwise_layer_type": "conv1d-linear", "positionwise_conv_kernel_size": 3},
    "training-options": {"dropout_rate": 0.3, "attention_dropout_rate": 0.2},
}
BLOCKWISE_CONFORMER: dict[str, dict[str, Any]] = {
    "no-macaron": {"macaron_style": False},
    "no-cnn": {"use_cnn_module": False},
    "selfattn": {"selfattention_layer_type": "selfattn"},
    "act-relu": {"activation_type": "relu"},
}
LINEAR: dict[str, dict[str, Any]] = {
    **{name: {"input_layer": name} for name in ("conv2d", "conv2d2", "conv2d6", "conv2d8", "linear")},
    "no-input-layer": {"input_layer": None},
    "no-normalization": {"input_layer": "linear", "normalize_before": False},
}
SPEAKERS: dict[str, dict[str, Any]] = {
    **{name: {"input_layer": name} for name in ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")},
    "linear": {"input_layer": "linear"},
    "embed": {"input_layer": "embed"},
    "no-input-layer": {"input_layer": None},
    "one": {"num_inf": 1},
    "three": {"num_inf": 3, "num_blocks_sd": 2},
    "all-shared": {"num_blocks_sd": 0},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "conv1d": {"positionwise_layer_type": "conv1d", "positionwise_conv_kernel_size": 3},
    "conv1d-linear": {"positionwise_layer_type": "conv1d-linear", "positionwise_conv_kernel_size": 3},
}
_SEPARATED = {**_SIZES, "num_blocks_sd": 1, "num_inf": 2}
_TWO_SPEAKERS = {
    "model": "pit_espnet",
    "token_list": ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"],
    "frontend": "default",
    "frontend_conf": {"fs": "16k", "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder": "transformer_multispkr",
    "encoder_conf": _SEPARATED,
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 24, "num_blocks": 1},
    "ctc_conf": {},
    "model_conf": {"ctc_weight": 0.3, "num_inf": 2, "num_ref": 2},
}
PIT_MODELS: dict[str, dict[str, Any]] = {
    "pit": {},
    "pit-ctc-only": {"decoder": None, "decoder_conf": {}, "model_conf": {"ctc_weight": 1.0}},
    "pit-single": {"encoder": "transformer", "encoder_conf": _SIZES, "model_conf": {"ctc_weight": 0.3}},
}
# Checkpoints have the CTC layer twice.
_TIED = {f"pit_ctc.criterion_fn.ctc_lo.{name}": f"ctc.ctc_lo.{name}" for name in ("weight", "bias")}
# 43, 29 and 17 frames, or a part of them: windows of 4 frames on each side are filled up to a multiple of 8.
_WINDOWS = {**_SIZES, "num_blocks": 2, "attention_windows": [4, 2], "attention_dilation": [1, 1]}
_LONGFORMER = {**_WINDOWS, "cnn_module_kernel": 3, "macaron_style": True}
LONGFORMER: dict[str, dict[str, Any]] = {
    **{name: {"input_layer": name} for name in ("conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8")},
    "linear": {"input_layer": "linear"},
    "linear-wide": {"input_layer": "linear", "attention_windows": [12, 4]},
    "embed": {"input_layer": "embed"},
    "dilated": {"input_layer": "linear", "attention_mode": "tvm", "attention_dilation": [1, 3]},
    "dilated-wide": {"input_layer": "linear", "attention_mode": "tvm", "attention_dilation": [4, 2]},
    "chunks": {"input_layer": "linear", "attention_mode": "sliding_chunks_no_overlap"},
    "interctc": {"interctc_layer_idx": [1]},
    "no-macaron": {"macaron_style": False},
    "no-cnn": {"use_cnn_module": False},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "conv1d": {"positionwise_layer_type": "conv1d"},
    "conv1d-linear": {"positionwise_layer_type": "conv1d-linear"},
    "act-relu": {"activation_type": "relu"},
    "latest": {"rel_pos_type": "latest", "zero_triu": True, "attention_dropout_rate": 0.3},
}
_TRANSFORMER_ENCODER = "contextual_block_transformer_encoder:ContextualBlockTransformerEncoder"
_CONFORMER_ENCODER = "contextual_block_conformer_encoder:ContextualBlockConformerEncoder"


def _pit(keys: dict[str, Any]) -> Config:
    return Config("espnet2.tasks.asr:ASRTask", {**_TWO_SPEAKERS, **keys})


ROWS = [
    *encoders("contextual_block_transformer", _TRANSFORMER_ENCODER, BLOCKWISE, _BLOCKS),
    *encoders("contextual_block_conformer", _CONFORMER_ENCODER, {**BLOCKWISE, **BLOCKWISE_CONFORMER}, _CONFORMER),
    *encoders("longformer", "longformer_encoder:LongformerEncoder", LONGFORMER, _LONGFORMER),
    *encoders("linear", "linear_encoder:LinearEncoder", LINEAR, {"output_size": MODEL}),
    *encoders("multispkr", "transformer_encoder_multispkr:TransformerEncoder", SPEAKERS, _SEPARATED),
    *(Row(f"model-{name}", "encode", _pit(keys), SPEECH, SAMPLES, tied=_TIED) for name, keys in PIT_MODELS.items()),
]
_EXPORTED = {
    *(f"contextual_block_transformer-{name}" for name in ("conv2d", "linear-one-or-more")),
    *(f"contextual_block_conformer-{name}" for name in ("conv2d", "whole", "no-ctx_pos_enc")),
    *(f"longformer-{name}" for name in ("conv2d", "linear-wide", "dilated-wide", "chunks")),
    *("linear-conv2d", "linear-no-input-layer", "multispkr-conv2d", "model-pit"),
}
SAME_GRAPH = {row.name for row in ROWS} - _EXPORTED
LONG = {"contextual_block_conformer-conv2d", "longformer-linear-wide"}
REFUSED = [
    *(
        (f"contextual_block_{name}-conv2d", *case)
        for name in ("transformer", "conformer")
        for case in (
            ({"input_layer": "conv2d1"}, "input_layer.*conv2d1.*conv2d6"),
            ({"hop_size": 5}, "block_size 5.*hop_size.*5 and 1"),
            ({"hop_size": 0}, "block_size 5.*hop_size.*0 and 1"),
            ({"init_average": False}, "init_average.*True.*False"),
            ({"positionwise_layer_type": "conv3d"}, "positionwise_layer_type.*conv3d"),
            ({"num_blocks": 0}, "num_blocks.*0"),
        )
    ),
    ("contextual_block_conformer-conv2d", {"cnn_module_kernel": 4}, "kernel.*4"),
    ("longformer-conv2d", {"pos_enc_layer_type": "rel_pos"}, "pos_enc_layer_type.*rel_pos.*abs_pos"),
    ("longformer-conv2d", {"selfattention_layer_type": "selfattn"}, "selfattention_layer_type.*selfattn.*lf_selfattn"),
    ("longformer-conv2d", {"attention_mode": "n2"}, "attention_mode.*n2.*sliding_chunks"),
    ("longformer-conv2d", {"attention_windows": [3]}, "attention_windows.*2 layers.*1"),
    ("longformer-conv2d", {"attention_windows": [3, 0]}, "attention_windows.*0"),
    ("longformer-conv2d", {"attention_dilation": [1, 2]}, "attention_dilation.*sliding_chunks.*2"),
    ("longformer-conv2d", {"input_layer": "conv1d2"}, "input_layer.*conv1d2.*conv2d"),
    ("linear-conv2d", {"input_layer": "embed"}, "input_layer.*embed.*conv2d8"),
    ("multispkr-conv2d", {"input_layer": "conv1d2"}, "input_layer.*conv1d2.*conv2d8"),
    ("multispkr-conv2d", {"num_inf": 0}, "num_inf.*0"),
    ("multispkr-conv2d", {"num_blocks_sd": -1}, "num_blocks_sd.*-1"),
    ("contextual_block_conformer-conv2d", {"activation_type": "gelu"}, "activation.*gelu"),
]
