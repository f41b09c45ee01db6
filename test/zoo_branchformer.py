"""Rows of the encoders with a cgMLP: Branchformer, E-Branchformer, OWSM-CTC's, Multi-Convformer."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_rows import FEATURES, FRAMES, LENGTHS, MODEL, encoders, family

_ABSOLUTE = {"pos_enc_layer_type": "abs_pos", "attention_layer_type": "selfattn"}
_CONV = {"pos_enc_layer_type": "conv", "attention_layer_type": "selfattn"}
_FAST = {"pos_enc_layer_type": "abs_pos", "attention_layer_type": "fast_selfattn"}
_LINEAR = {"input_layer": "linear"}
# Without positions, where the sizes differ: a linear layer alone. It reads features, so that its rows are made apart.
_BARE = {**_ABSOLUTE, "input_layer": None, "input_size": 20}
_GATES = {f"gate-{name}": {"gate_activation": name} for name in ("hardtanh", "tanh", "relu", "selu", "swish")}
_LEGACY = {"rel_pos_type": "legacy"}
_LEGACY_NAMES = {"pos_enc_layer_type": "legacy_rel_pos", "attention_layer_type": "legacy_rel_selfattn"}
# Options of all Branchformers.
_ALL: dict[str, dict[str, Any]] = {
    "conv2d2": {"input_layer": "conv2d2"},
    "linear": _LINEAR,
    "embed": {"input_layer": "embed"},
    "legacy": {**_LEGACY, **_LINEAR},
    "legacy-names": {**_LEGACY, **_LEGACY_NAMES},
    "zero_triu": {"zero_triu": True},
    "abs_pos": _ABSOLUTE,
    "scaled_abs_pos": {**_ABSOLUTE, "pos_enc_layer_type": "scaled_abs_pos"},
    "qk_norm": {**_ABSOLUTE, "qk_norm": True},
    "fast": _FAST,
    "fast-scaled_abs_pos": {**_FAST, "pos_enc_layer_type": "scaled_abs_pos"},
    "two-blocks": {"num_blocks": 2},
    "linear_after_conv": {"use_linear_after_conv": True, "gate_activation": "tanh"},
}
_OTHER_INPUTS = {name: {"input_layer": name} for name in ("conv2d1", "conv2d6", "conv2d8")}

_BRANCHFORMER = {
    "output_size": MODEL,
    "attention_heads": 2,
    "cgmlp_linear_units": 24,
    "cgmlp_conv_kernel": 7,
    "num_blocks": 1,
}
BRANCHFORMERS: dict[str, dict[str, Any]] = {
    "conv2d": {},
    **_ALL,
    **_GATES,
    **_OTHER_INPUTS,
    "no-input-layer": {**_ABSOLUTE, "input_layer": None},
    "learned_ave": {"merge_method": "learned_ave"},
    "learned_ave-fast": {"merge_method": "learned_ave", **_FAST},
    "fixed_ave": {"merge_method": "fixed_ave", "cgmlp_weight": 0.3},
    "fixed_ave-weights": {"merge_method": "fixed_ave", "cgmlp_weight": [0.0, 0.4, 1.0], "num_blocks": 3, **_LINEAR},
    "concat-weight": {"cgmlp_weight": 0.0},
    "attn-only": {"use_cgmlp": False},
    "cgmlp-only": {"use_attn": False},
    "attn-only-learned_ave": {"use_cgmlp": False, "merge_method": "learned_ave"},
    "cgmlp-only-abs_pos": {"use_attn": False, **_ABSOLUTE},
    "drop-attn": {"attn_branch_drop_rate": 1.0},
    "drop-attn-learned_ave": {"attn_branch_drop_rate": 1.0, "merge_method": "learned_ave"},
    "drop-attn-fixed_ave": {"attn_branch_drop_rate": [1.0], "merge_method": "fixed_ave"},
    "training-options": {
        "dropout_rate": 0.3,
        "positional_dropout_rate": 0.2,
        "attention_dropout_rate": 0.2,
        "stochastic_depth_rate": [0.5],
        "use_flash_attn": False,
    },
}
_FEED_FORWARD = {"use_ffn": True, "linear_units": 24}
_MACARON = {**_FEED_FORWARD, "macaron_ffn": True}
_INTERCTC = {"interctc_layer_idx": [1], "num_blocks": 2}
# Options of both E-Branchformers, whose rows have feed-forward networks.
_E_ALL: dict[str, dict[str, Any]] = {
    **_ALL,
    "no-ffn": {"use_ffn": False, "macaron_ffn": False},
    "no-macaron": {"macaron_ffn": False},
    "macaron-only": {"use_ffn": False},
    **{f"merge-kernel{size}": {"merge_conv_kernel": size} for size in (1, 5, 31)},
    "ffn-relu": {"ffn_activation_type": "relu"},
    "short-table": {"max_pos_emb_len": 8, **_LINEAR},
    "no-input-layer": {"input_layer": None},
    "interctc": _INTERCTC,
    "training-options": {"layer_drop_rate": 1.0, "dropout_rate": 0.3, "attention_dropout_rate": 0.2},
}
E_BRANCHFORMERS: dict[str, dict[str, Any]] = {
    "conv2d": {},
    **_E_ALL,
    **_OTHER_INPUTS,
    **{name: {"input_layer": name} for name in ("conv1d1", "conv1d2", "conv1d3")},
    "conv-positions": _CONV,
    "conv-positions-linear": {**_CONV, **_LINEAR},
    "conv-positions-conv2d8": {**_CONV, "input_layer": "conv2d8"},
    "conv-positions-embed": {**_CONV, "input_layer": "embed"},
    "training-only": {"use_flash_attn": False, "gradient_checkpoint_layers": [0]},
}
E_BRANCHFORMERS_CTC: dict[str, dict[str, Any]] = {
    "conv2d8": {},
    **{name: options for name, options in _E_ALL.items() if name not in ("conv2d2", "qk_norm")},
    "some-cross": {"use_cross_attention": [True, False], "num_blocks": 2},
    "no-cross": {"use_cross_attention": False},
    "flash": {"use_flash_attn": True},
}

_MULTI = {
    "output_size": MODEL,
    "attention_heads": 2,
    "linear_units": 24,
    "cgmlp_linear_units": 24,
    "multicgmlp_kernel_sizes": "3,5,9",
    "multicgmlp_merge_conv_kernel": 7,
    "num_blocks": 1,
    "macaron_style": True,
    "rel_pos_type": "latest",
}
_FUSIONS = ("sum", "weighted_sum", "concat", "concat_fusion")
MULTICONVFORMERS: dict[str, dict[str, Any]] = {
    "conv2d": {},
    **{name: {"multicgmlp_type": name, **_LINEAR} for name in _FUSIONS},
    **{f"{name}-no-linear": {"multicgmlp_type": name, "multicgmlp_use_non_linear": 0, **_LINEAR} for name in _FUSIONS},
    "sum-tanh": {"multicgmlp_type": "sum", "activation_type": "tanh"},
    "one-kernel": {"multicgmlp_kernel_sizes": 7},
    "two-kernels": {"multicgmlp_kernel_sizes": "3,31", "multicgmlp_merge_conv_kernel": 31},
    "four-kernels": {"multicgmlp_kernel_sizes": "7,15,23,31", "multicgmlp_type": "weighted_sum"},
    "merge-kernel1": {"multicgmlp_merge_conv_kernel": 1},
    "linear_after_conv": {"use_linear_after_conv": True, "gate_activation": "tanh"},
    **{f"act-{name}": {"activation_type": name} for name in ("relu", "hardtanh", "selu")},
    **_OTHER_INPUTS,
    "conv2d2": {"input_layer": "conv2d2"},
    "embed": {"input_layer": "embed"},
    "legacy": _LEGACY,
    "zero_triu": {"zero_triu": True},
    "abs_pos": {"pos_enc_layer_type": "abs_pos", "selfattention_layer_type": "selfattn"},
    "scaled_abs_pos": {"pos_enc_layer_type": "scaled_abs_pos", "selfattention_layer_type": "selfattn"},
    "no-macaron": {"macaron_style": False},
    "no-cnn": {"use_cnn_module": False},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "conv1d": {"positionwise_layer_type": "conv1d"},
    "conv1d-linear": {"positionwise_layer_type": "conv1d-linear", "positionwise_conv_kernel_size": 5},
    "interctc": _INTERCTC,
    "short-table": {"max_pos_emb_len": 8, **_LINEAR},
    "training-options": {"dropout_rate": 0.3, "stochastic_depth_rate": [0.1], "layer_drop_rate": 1.0},
}

_ENCODER = "espnet2.asr.encoder."
_B = "branchformer_encoder:BranchformerEncoder"
_E = "e_branchformer_encoder:EBranchformerEncoder"
_CTC = "e_branchformer_ctc_encoder:EBranchformerCTCEncoder"
_E_BASE = {**_BRANCHFORMER, **_MACARON}
_TWO = {"num_blocks": 2, **_LINEAR}
_SOME = {"use_cross_attention": [True, False], **_TWO}
_MEMORY = Array("memory", ("u", MODEL))
_PREFIX = Array("prefix", (2, MODEL))
TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]


# Calls of forward that recognisers do not make: row, call, class, options, inputs.
_CALLS: list[tuple[str, str, str, dict[str, Any], tuple[Array, ...]]] = [
    ("e_branchformer-first_layer", "first_layer", _E, _TWO, FRAMES),
    ("e_branchformer-all_layers", "all_layers", _E, _TWO, FRAMES),
    ("e_branchformer-all_layers-interctc", "all_layers", _E, {**_INTERCTC, **_LINEAR}, FRAMES),
    ("e_branchformer_ctc-first_layer", "first_layer", _CTC, {**_TWO, "use_cross_attention": False}, FRAMES),
    ("e_branchformer_ctc-prompt", "prompted_encoder", _CTC, _LINEAR, (*FRAMES, _MEMORY)),
    ("e_branchformer_ctc-prompt-some", "prompted_encoder", _CTC, _SOME, (*FRAMES, _MEMORY)),
    (
        "e_branchformer_ctc-prompt-prefix",
        "prompted_encoder",
        _CTC,
        {"input_layer": "conv2d8"},
        (*FRAMES, _MEMORY, _PREFIX),
    ),
]
_MODEL = {
    "token_list": TOKENS,
    "input_size": FEATURES,
    "frontend": None,
    "normalize": None,
    "decoder": None,
    "model_conf": {"ctc_weight": 1.0, "interctc_weight": 0.5},
}
# Convolutional positions, which the E-Branchformer shares with the Transformer.
_CONV_TRANSFORMER = {"pos_enc_layer_type": "conv", "output_size": MODEL, "attention_heads": 2, "linear_units": 24}
_CONV_INPUTS = {f"conv-positions-{name}": {"input_layer": name} for name in ("conv2d", "conv1d2", "linear", "embed")}
_CONDITIONED = {**_INTERCTC, "interctc_use_conditioning": True}


def _model(name: str, options: dict[str, Any]) -> Row:
    """A recogniser whose encoder is conditioned on intermediate CTC."""
    make = Config("espnet2.tasks.asr:ASRTask", {**_MODEL, "encoder": name, "encoder_conf": {**options, **_CONDITIONED}})
    return Row(f"model-{name}-interctc", "encode", make, FRAMES, LENGTHS)


def _bare(prefix: str, target: str, base: dict[str, Any]) -> list[Row]:
    return family(prefix, "encoder", _ENCODER + target, FRAMES, {"bare": _BARE}, base)


ROWS = [
    *encoders("branchformer", _B, BRANCHFORMERS, _BRANCHFORMER),
    *_bare("branchformer", _B, _BRANCHFORMER),
    *encoders("e_branchformer", _E, E_BRANCHFORMERS, _E_BASE),
    *_bare("e_branchformer", _E, _E_BASE),
    *encoders("e_branchformer_ctc", _CTC, E_BRANCHFORMERS_CTC, {**_E_BASE, "input_layer": "conv2d8"}),
    *_bare("e_branchformer_ctc", _CTC, _E_BASE),
    *encoders("multiconv_conformer", "multiconvformer_encoder:MultiConvConformerEncoder", MULTICONVFORMERS, _MULTI),
    *(
        Row(name, call, New(_ENCODER + target, {"input_size": FEATURES, **_E_BASE, **options}), inputs, LENGTHS)
        for name, call, target, options, inputs in _CALLS
    ),
    *encoders(
        "transformer", "transformer_encoder:TransformerEncoder", _CONV_INPUTS, {**_CONV_TRANSFORMER, "num_blocks": 1}
    ),
    _model("e_branchformer", _E_BASE),
    _model("multiconv_conformer", _MULTI),
]
_EXPORTED = {
    *(f"branchformer-{name}" for name in ("conv2d", "learned_ave-fast", "fixed_ave-weights", "bare")),
    *(f"branchformer-{name}" for name in ("linear_after_conv", "cgmlp-only")),
    "e_branchformer-conv2d",
    "e_branchformer-conv-positions-linear",
    "e_branchformer_ctc-conv2d8",
    *(f"multiconv_conformer-{name}" for name in ("conv2d", "weighted_sum", "sum")),
}
# The others' input layers, positions, attentions and activations are exported by Conformers and Transformers as well.
SAME_GRAPH = {row.name for row in ROWS} - _EXPORTED
LONG = {"branchformer-conv2d", "branchformer-learned_ave-fast"}
# Row, options that it must refuse, and what the sentence says.
REFUSED = [
    ("branchformer-conv2d", {"input_layer": "conv1d2"}, "input_layer.*conv1d2.*conv2d6"),
    ("branchformer-conv2d", {"input_layer": None}, "input_layer None.*rel_pos"),
    ("branchformer-conv2d", {"rel_pos_type": "newest"}, "rel_pos_type.*newest.*latest"),
    ("branchformer-conv2d", {"pos_enc_layer_type": "conv"}, "pos_enc_layer_type.*conv.*abs_pos"),
    ("branchformer-conv2d", {"attention_layer_type": "slow"}, "attention_layer_type.*slow.*fast_selfattn"),
    ("branchformer-conv2d", {"attention_layer_type": "fast_selfattn"}, "rel_pos.*attention_layer_type.*fast_selfattn"),
    ("branchformer-conv2d", {"merge_method": "sum"}, "merge_method.*sum.*learned_ave"),
    ("branchformer-conv2d", {"use_attn": False, "use_cgmlp": False}, "use_attn and use_cgmlp.*neither"),
    ("branchformer-conv2d", {"gate_activation": "gelu"}, "gate_activation.*gelu.*identity"),
    ("branchformer-conv2d", {"cgmlp_linear_units": 23}, "cgmlp_linear_units.*even.*23"),
    ("branchformer-conv2d", {"cgmlp_conv_kernel": 8}, "kernel.*8"),
    ("branchformer-conv2d", {"cgmlp_weight": [0.5, 0.5]}, "cgmlp_weight has 2 numbers for 1"),
    ("branchformer-conv2d", {"cgmlp_weight": 1.5}, "cgmlp_weight.*1.5"),
    ("branchformer-conv2d", {"attn_branch_drop_rate": [0.5, 0.5]}, "attn_branch_drop_rate has 2 numbers for 1"),
    ("branchformer-conv2d", {"stochastic_depth_rate": -0.5}, "stochastic_depth_rate.*-0.5"),
    ("branchformer-fast", {"attention_heads": 3}, "16.*3"),
    ("branchformer-conv2d", {"num_blocks": 0}, "num_blocks.*0"),
    ("e_branchformer-conv2d", {"positionwise_layer_type": "conv1d"}, "positionwise_layer_type.*conv1d.*linear"),
    ("e_branchformer-conv2d", {"pos_enc_layer_type": "conv"}, "conv.*rel_selfattn"),
    ("e_branchformer-conv-positions", {"output_size": 24}, "24.*16"),
    ("e_branchformer_ctc-conv2d8", {"pos_enc_layer_type": "conv"}, "pos_enc_layer_type.*conv.*abs_pos"),
    ("e_branchformer-conv2d", {"input_layer": None}, "input_layer None.*rel_pos"),
    ("e_branchformer-conv2d", {"merge_conv_kernel": 4}, "kernel.*4"),
    ("e_branchformer-conv2d", {"interctc_layer_idx": [1]}, "interctc_layer_idx.*1"),
    ("e_branchformer-conv2d", {"ffn_activation_type": "gelu"}, "activation.*gelu.*swish"),
    ("e_branchformer_ctc-conv2d8", {"input_layer": "conv1d2"}, "input_layer.*conv1d2.*conv2d8"),
    ("e_branchformer_ctc-conv2d8", {"use_cross_attention": [True, False]}, "use_cross_attention has 2 values for 1"),
    ("multiconv_conformer-conv2d", {"multicgmlp_type": "mean"}, "multicgmlp_type.*mean.*concat_fusion"),
    ("multiconv_conformer-conv2d", {"multicgmlp_kernel_sizes": "3,5,7,9,11"}, "12 channels.*5 kernels"),
    ("multiconv_conformer-conv2d", {"multicgmlp_kernel_sizes": "3,4,5"}, "kernel.*4"),
    ("multiconv_conformer-conv2d", {"multicgmlp_kernel_sizes": "3;5"}, "multicgmlp_kernel_sizes.*3;5"),
    ("multiconv_conformer-conv2d", {"multicgmlp_merge_conv_kernel": 6}, "kernel.*6"),
    ("multiconv_conformer-conv2d", {"input_layer": "conv1d2"}, "input_layer.*conv1d2.*conv2d6"),
    ("multiconv_conformer-conv2d", {"selfattention_layer_type": "fast_selfattn"}, "selfattention_layer_type.*fast"),
]
