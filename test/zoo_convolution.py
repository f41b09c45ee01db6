"""Rows of decoders with lightweight and dynamic convolutions."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Row
from zoo_rows import HIDDEN, LENGTHS, MEMORY, MODEL, ONE_HOT, TEXT, TRANSFORMER, VOCABULARY, family

_DECODER = {
    "vocab_size": VOCABULARY,
    "encoder_output_size": MODEL,
    "attention_heads": 2,
    "linear_units": 24,
    "num_blocks": 2,
    "conv_kernel_length": (7, 3),
}
# name: file, class, class of the decoder
KINDS = {
    "lightweight_conv": ("lightconv:LightweightConvolution", "LightweightConvolutionTransformerDecoder"),
    "lightweight_conv2d": ("lightconv2d:LightweightConvolution2D", "LightweightConvolution2DTransformerDecoder"),
    "dynamic_conv": ("dynamic_conv:DynamicConvolution", "DynamicConvolutionTransformerDecoder"),
    "dynamic_conv2d": ("dynamic_conv2d:DynamicConvolution2D", "DynamicConvolution2DTransformerDecoder"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "bias-share8": {"conv_usebias": True, "conv_wshare": 8},
    "normalize_after": {"normalize_before": False, "concat_after": True},
    "six-layers": {"num_blocks": 6, "conv_kernel_length": (11, 11, 11, 11, 11, 11)},
    "kernel1": {"conv_kernel_length": (1, 1)},
    "training-options": {"dropout_rate": 0.3, "self_attention_dropout_rate": 0.3, "src_attention_dropout_rate": 0.3},
}
VECTORS = {"linear": {"input_layer": "linear"}}
HIDDEN_OUTPUT = {"no-output-layer": {"use_output_layer": False}}
EVEN = {"even-kernels": {"conv_kernel_length": (6, 2)}}
_LAYER = {"n_feat": MODEL, "dropout_rate": 0.1, "use_kernel_mask": True}
LAYERS: dict[str, dict[str, Any]] = {
    "layer": {"wshare": 4, "kernel_size": 5},
    "layer-bias": {"wshare": 2, "kernel_size": 9, "use_bias": True},
}


def _rows() -> list[Row]:
    rows = []
    for name, (layer, decoder) in KINDS.items():
        target = "espnet2.asr.decoder.transformer_decoder:" + decoder
        vectors: tuple[Array, ...] = (MEMORY, ONE_HOT)
        rows += family(name, "decoder", target, (MEMORY, *TEXT), OPTIONS, _DECODER)
        rows += family(name, "decoder", target, vectors, VECTORS, _DECODER)
        rows += family(name, "decoder", target, (MEMORY, *TEXT), HIDDEN_OUTPUT, _DECODER)
        rows += family(name, "self_attention", TRANSFORMER + layer, HIDDEN, LAYERS, _LAYER, LENGTHS)
    target = "espnet2.asr.decoder.transformer_decoder:" + KINDS["dynamic_conv"][1]
    return rows + family("dynamic_conv", "decoder", target, (MEMORY, *TEXT), EVEN, _DECODER)


ROWS = _rows()
# Of the options, one row shows bias and sharing; the others are those of the Transformer decoder, or constants.
SAME_GRAPH = {
    *(f"{kind}-{name}" for kind in KINDS for name in OPTIONS if name != "default" and kind != "dynamic_conv2d"),
    *(f"dynamic_conv2d-{name}" for name in OPTIONS if name not in ("default", "bias-share8")),
    "dynamic_conv-even-kernels",
}
NO_GRAPH = {f"{kind}-{name}" for kind in KINDS for name in (*VECTORS, *HIDDEN_OUTPUT)}
REFUSED = [
    ("lightweight_conv-default", {"conv_kernel_length": (5, 3, 3)}, "conv_kernel_length.*2.*3"),
    ("lightweight_conv-default", {"conv_kernel_length": (4, 3)}, "conv_kernel_length.*odd.*4"),
    ("lightweight_conv2d-default", {"conv_kernel_length": (5, 4)}, "conv_kernel_length.*odd.*4"),
    ("dynamic_conv2d-default", {"conv_kernel_length": (5, 4)}, "conv_kernel_length.*odd.*4"),
    ("dynamic_conv-default", {"conv_kernel_length": (5, 0)}, "conv_kernel_length.*positive.*0"),
    ("dynamic_conv-default", {"conv_wshare": 3}, "conv_wshare.*16.*3"),
    ("dynamic_conv-default", {"self_attention_dropout_rate": 2.0}, "self_attention_dropout_rate.*2"),
    ("dynamic_conv-layer", {"use_kernel_mask": False}, "use_kernel_mask.*True.*False"),
]
