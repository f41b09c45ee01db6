"""Rows of Branchformer and E-Branchformer blocks in the encoder of espnet2.asr_transducer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo_data import Row
from zoo_rows import FEATURES, FRAMES, MODEL, family
from zoo_transducer_encoder import ENCODER, body

SIZES = {"hidden_size": MODEL, "linear_size": 12, "heads": 2, "conv_mod_kernel_size": 3}
# Upstream cuts utterances into random chunks after training, too, unless every chunk is too long to be short.
CAUSAL = {"dynamic_chunk_training": True, "short_chunk_threshold": 0.0}
DROPOUT = {"dropout_rate": 0.1, "att_dropout_rate": 0.1, "pos_wise_dropout_rate": 0.1}

# Keys of one block, and of all.
Keys = tuple[dict[str, Any], dict[str, Any]]
BRANCHFORMER: dict[str, Keys] = {
    "default": ({}, {}),
    "three-blocks": ({"num_blocks": 3}, {}),
    "causal": ({"conv_mod_kernel_size": 4}, CAUSAL),
    "simplified": ({"heads": 4}, {"simplified_att_score": True}),
    "basic-norm": (
        {"norm_eps": 0.3, "conv_mod_norm_eps": 0.5, "norm_partial": 0.5},
        {"norm_type": "basic_norm", "conv_mod_norm_type": "basic_norm", "after_norm_eps": 0.125},
    ),
    "dropout": (DROPOUT, {"pos_enc_dropout_rate": 0.1, "blockdrop_rate": 0.1, "pos_enc_max_len": 10}),
}
EBRANCHFORMER: dict[str, Keys] = {
    "default": ({}, {}),
    "sizes": ({"linear_size": 20, "conv_mod_kernel_size": 5, "depth_conv_kernel_size": 7, "num_blocks": 2}, {}),
    "causal": ({"depth_conv_kernel_size": 2}, {**CAUSAL, "short_chunk_size": 5, "num_left_chunks": 2}),
    "rms-norm": (
        {"norm_eps": 0.1, "norm_partial": 0.75, "conv_mod_norm_partial": 0.5},
        {"norm_type": "rms_norm", "conv_mod_norm_type": "rms_norm", "after_norm_partial": 0.75},
    ),
    "scale-norm": (
        {"norm_eps": 1.0, "conv_mod_norm_eps": 2.0},
        {"norm_type": "scale_norm", "conv_mod_norm_type": "scale_norm", "pos_wise_act_type": "smish"},
    ),
    "hardtanh": ({}, {"pos_wise_act_type": "hardtanh", "hardtanh_min_val": -0.5, "conv_mod_act_type": "tanh"}),
    "dropout": (DROPOUT, {"pos_wise_act_type": "mish", "softplus_beta": 2.0, "blockdrop_rate": 0.1}),
}
# Drawn near zero, they would leave nothing of the frames.
SCALES = {
    f"encoders.{key}.scale": 3.0
    for key in (
        *(f"blocks.0.norm_{name}" for name in ("self_att", "feed_forward", "feed_forward_macaron", "mlp", "final")),
        *("blocks.0.conv_mod.norm", "norm_blocks"),
    )
}


def _rows(kind: str, sets: Mapping[str, Keys]) -> list[Row]:
    """Encoders with one kind of block."""
    options = {name: body({"block_type": kind, **SIZES, **block}, **main) for name, (block, main) in sets.items()}
    return _family(f"chunk-encoder-{kind}", options)


def _family(prefix: str, options: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    rows = family(prefix, "encoder", ENCODER, FRAMES, options, {"input_size": FEATURES})
    return [replace(row, fixed=SCALES if row.name.endswith(("rms-norm", "scale-norm")) else {}) for row in rows]


_MIXED = ("branchformer", "ebranchformer", "conformer", "branchformer")
ROWS: list[Row] = [
    *_rows("branchformer", BRANCHFORMER),
    *_rows("ebranchformer", EBRANCHFORMER),
    *_family("chunk-encoder", {"all-blocks": body(*({"block_type": kind, **SIZES} for kind in _MIXED))}),
]
# Each as a stream by itself.
STREAMS = ("branchformer-causal", "ebranchformer-default", "ebranchformer-causal", "all-blocks")
NO_GRAPH = {f"chunks-{name}" for name in STREAMS}
EXPORTED = ("branchformer-default", "branchformer-causal", "ebranchformer-default", "ebranchformer-rms-norm")
SAME_GRAPH = {row.name for row in ROWS} - {f"chunk-encoder-{name}" for name in EXPORTED}
ROWS += [
    replace(row, name=row.name.replace("chunk-encoder", "chunks"), kind="chunks", lengths=(91, 45, 27))
    for row in ROWS
    if row.name.removeprefix("chunk-encoder-") in STREAMS
]
LONG = {f"chunk-encoder-{kind}-default" for kind in ("branchformer", "ebranchformer")}


def _refused(sentence: str, main: Mapping[str, Any] | None = None, **keys: Any) -> tuple[str, dict[str, Any], str]:
    options = body({"block_type": "ebranchformer", **SIZES, **keys}, **(main or {}))
    return "chunk-encoder-ebranchformer-default", options, sentence


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    _refused("linear_size: expected an even number, found 13", linear_size=13),
    _refused("kernel_size: expected an odd number where nothing is causal, found 4", conv_mod_kernel_size=4),
    _refused("kernel_size: expected an odd number where nothing is causal, found 2", depth_conv_kernel_size=2),
    _refused("expected keys among .* found gate", gate="tanh"),
    _refused("eps: expected a positive number, found 0.0", conv_mod_norm_eps=0.0),
    _refused("unknown normalization_type", {"conv_mod_norm_type": "batch_norm"}),
    _refused("unknown activation_type 'gelu'", {"pos_wise_act_type": "gelu"}),
]
