"""Rows of the stand-alone transducer's encoder: its input blocks, Conformer blocks, convolutions, and main options."""

from __future__ import annotations

from typing import Any

from zoo_data import New, Row
from zoo_rows import FEATURES, FRAMES, MODEL, family

ENCODER = "espnet2.asr_transducer.encoder.encoder:Encoder"
CONFORMER: dict[str, Any] = {
    "block_type": "conformer",
    "hidden_size": MODEL,
    "linear_size": 24,
    "heads": 2,
    "conv_mod_kernel_size": 5,
}
CONV1D: dict[str, Any] = {"block_type": "conv1d", "output_size": MODEL, "kernel_size": 3}
_SMALL = {"conv_size": 6}
# Whole utterances in one chunk: upstream draws the chunks at random, in evaluation mode, too.
_CAUSAL = {"dynamic_chunk_training": True, "short_chunk_threshold": 0.0}


def body(*blocks: dict[str, Any], **main: Any) -> dict[str, Any]:
    """Options of an encoder with a small input block."""
    return {"body_conf": list(blocks), "input_conf": dict(_SMALL), "main_conf": main}


def _input(**keys: Any) -> dict[str, Any]:
    return {"body_conf": [CONFORMER], "input_conf": keys}


OPTIONS: dict[str, dict[str, Any]] = {
    "default": {"body_conf": [{**CONFORMER, "num_blocks": 2}], "input_conf": {}},
    "conv2d2": _input(subsampling_factor=2, conv_size=6),
    "conv2d6": _input(subsampling_factor=6, conv_size=6),
    "vgg": _input(vgg_like=True),
    "vgg-sizes": _input(vgg_like=True, conv_size=[4, 6]),
    "vgg6": _input(vgg_like=True, subsampling_factor=6, conv_size=5),
    "causal": body({**CONFORMER, "num_blocks": 2}, **_CAUSAL),
    "simplified": body(CONFORMER, simplified_att_score=True),
    "norms": body(
        {**CONFORMER, "norm_eps": 1e-3, "norm_partial": 0.5, "conv_mod_norm_eps": 1e-3, "conv_mod_norm_momentum": 0.2},
        norm_type="rms_norm",
        after_norm_eps=1e-4,
        after_norm_partial=0.3,
    ),
    "basic-norm": body(CONFORMER, norm_type="basic_norm"),
    "scale-norm": body(CONFORMER, norm_type="scale_norm"),
    "activations": body(CONFORMER, pos_wise_act_type="ftswish", conv_mod_act_type="hardtanh", hardtanh_min_val=-0.5),
    "dropout": body(
        {**CONFORMER, "dropout_rate": 0.1, "att_dropout_rate": 0.1, "pos_wise_dropout_rate": 0.1},
        pos_enc_dropout_rate=0.1,
        blockdrop_rate=0.1,
    ),
    "conv1d": body(CONV1D, CONFORMER),
    "conv1d-first": {"body_conf": [CONV1D, CONFORMER], "input_conf": {}},
    "conv1d-stride": body({**CONV1D, "stride": 2}, CONFORMER),
    "conv1d-stride3": body({**CONV1D, "kernel_size": 2, "stride": 3}, CONFORMER),
    "conv1d-dilation": body(
        {**CONV1D, "dilation": 2, "output_size": 12, "groups": 2, "bias": False}, CONV1D, CONFORMER
    ),
    "conv1d-batch-norm": body({**CONV1D, "batch_norm": True, "relu": False, "dropout_rate": 0.1}, CONFORMER),
    "conv1d-between": body(CONFORMER, CONV1D, CONFORMER),
    "conv1d-causal": body({**CONV1D, "stride": 2, "batch_norm": True}, CONFORMER, **_CAUSAL),
}
_LENGTHS = (61, 45, 32)
ROWS: list[Row] = family("chunk-encoder", "encoder", ENCODER, FRAMES, OPTIONS, {"input_size": FEATURES}, _LENGTHS)
# Each as a stream by itself; 27 frames of features make a chunk.
STREAMS = {
    name: Row(f"chunks-{name}", "chunks", New(ENCODER, {"input_size": FEATURES, **OPTIONS[name]}), FRAMES, (91, 45, 27))
    for name in ("default", "vgg-sizes", "vgg6", "causal", "simplified", "conv1d-causal")
}
ROWS += STREAMS.values()
EXPORTED = ("default", "vgg6", "simplified", "conv1d-stride3")
NO_GRAPH = {row.name for row in STREAMS.values()}
SAME_GRAPH = {f"chunk-encoder-{name}" for name in OPTIONS if name not in EXPORTED}
LONG = {"chunk-encoder-default"}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("chunk-encoder-default", {"body_conf": []}, "body_conf: expected a list of blocks"),
    ("chunk-encoder-default", {"body_conf": [{"hidden_size": 8}]}, "block 1: expected a block_type"),
    ("chunk-encoder-default", {"body_conf": [{**CONFORMER, "block_type": "foo"}]}, "unknown block_type 'foo'"),
    (
        "chunk-encoder-default",
        {"body_conf": [{**CONFORMER, "hidden": 8}]},
        "block 1: expected keys among .* found hidden",
    ),
    (
        "chunk-encoder-default",
        {"body_conf": [{"block_type": "conformer"}]},
        "expected hidden_size of a conformer block",
    ),
    ("chunk-encoder-default", {"body_conf": [{**CONFORMER, "heads": 3}]}, "cannot be divided among 3 attention heads"),
    ("chunk-encoder-default", {"body_conf": [{**CONFORMER, "heads": "a"}]}, "block 1, heads: expected int, found 'a'"),
    (
        "chunk-encoder-default",
        {"body_conf": [{**CONFORMER, "hidden_size": 9, "heads": 3}]},
        "an even number of channels",
    ),
    (
        "chunk-encoder-default",
        {"body_conf": [{**CONFORMER, "conv_mod_kernel_size": 4}]},
        "kernel_size: expected an odd",
    ),
    ("chunk-encoder-default", {"body_conf": [{**CONFORMER, "dropout_rate": 2.0}]}, "dropout_rate: expected a number"),
    (
        "chunk-encoder-default",
        {"body_conf": [CONFORMER, {**CONFORMER, "hidden_size": 8}]},
        "block 2: expected hidden_size 16",
    ),
    ("chunk-encoder-default", {"input_conf": {"foo": 1}}, "input_conf: expected keys among .*, found foo"),
    (
        "chunk-encoder-default",
        {"input_conf": {"subsampling_factor": 3}},
        "unknown subsampling_factor 3; known ones: 2, 4",
    ),
    ("chunk-encoder-default", {"input_conf": {"vgg_like": True, "subsampling_factor": 2}}, "known ones: 4, 6"),
    ("chunk-encoder-default", {"input_conf": {"conv_size": [4, 6]}}, "conv_size: expected a number"),
    ("chunk-encoder-default", {"input_conf": {"vgg_like": True, "conv_size": [4]}}, "conv_size: expected two numbers"),
    ("chunk-encoder-default", {"input_size": 6}, "input_size: expected at least 7 features, found 6"),
    ("chunk-encoder-default", {"main_conf": {"foo": 1}}, "unknown parameter of activations 'foo'"),
    ("chunk-encoder-default", {"main_conf": {"norm_type": "batch_norm"}}, "unknown normalization_type"),
    ("chunk-encoder-default", {"main_conf": {"blockdrop_rate": 2.0}}, "blockdrop_rate: expected a number from 0 to 1"),
    (
        "chunk-encoder-default",
        {"body_conf": [{**CONV1D, "dilation": 2}], "main_conf": {"dynamic_chunk_training": True}},
        "dilation: expected 1 where convolutions are causal",
    ),
    ("chunk-encoder-default", {"body_conf": [{**CONV1D, "groups": 3}]}, "groups: expected a divisor"),
]
