"""Rows of the hybrid recognisers' parts: Conformer and Transformer, CTC, language models, whole models."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row, Stats
from zoo_rows import (
    BACKEND,
    FEATURES,
    FRAMES,
    HIDDEN,
    LENGTHS,
    MEMORY,
    MODEL,
    ONE_HOT,
    SAMPLES,
    SPEECH,
    TEXT,
    TRANSFORMER,
    VOCABULARY,
    encoders,
    family,
)

# Tables of rows: option sets by name, merged into a family's constructor keywords.


FRONTENDS: dict[str, dict[str, Any]] = {
    "default": {},
    "hop160": {"hop_length": 160, "win_length": 400},
    "fs16k": {"fs": "16k", "n_fft": 400, "hop_length": 160, "n_mels": 40},
    "fs8k-htk": {"fs": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 23, "htk": True},
    "fmin-fmax": {"fmin": 80, "fmax": 7600, "n_mels": 40},
    "hamming": {"window": "hamming", "n_fft": 256, "n_mels": 30, "fmin": 0},
    "blackman": {"window": "blackman", "n_fft": 256, "n_mels": 30},
    "no-window": {"window": None, "n_fft": 256, "n_mels": 30},
    "normalized": {"normalized": True, "n_fft": 256, "n_mels": 30},
    "uncentred": {"center": False, "n_fft": 256, "n_mels": 30},
    "no-frontend-conf": {"frontend_conf": None, "n_fft": 256, "hop_length": 64, "n_mels": 30},
}
NORMALIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "global_mvn": ("global_mvn:GlobalMVN", {"stats_file": Stats(FEATURES)}),
    "global_mvn-kaldi": ("global_mvn:GlobalMVN", {"stats_file": Stats(FEATURES, "npy")}),
    "global_mvn-means": ("global_mvn:GlobalMVN", {"stats_file": Stats(FEATURES), "norm_vars": False}),
    "global_mvn-vars": ("global_mvn:GlobalMVN", {"stats_file": Stats(FEATURES), "norm_means": False}),
    "utterance_mvn": ("utterance_mvn:UtteranceMVN", {}),
    "utterance_mvn-vars": ("utterance_mvn:UtteranceMVN", {"norm_vars": True}),
    "utterance_mvn-vars-only": ("utterance_mvn:UtteranceMVN", {"norm_means": False, "norm_vars": True}),
    "utterance_mvn-none": ("utterance_mvn:UtteranceMVN", {"norm_means": False}),
}

_BLOCKS = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1}
_LATEST = {"rel_pos_type": "latest"}
_ABSOLUTE = {"pos_enc_layer_type": "abs_pos", "selfattention_layer_type": "selfattn"}
_CONFORMER = {**_BLOCKS, "cnn_module_kernel": 7, "macaron_style": True, **_LATEST}
CONFORMERS: dict[str, dict[str, Any]] = {
    "conv2d": {},
    "conv2d1": {"input_layer": "conv2d1"},
    "conv2d2": {"input_layer": "conv2d2"},
    "conv2d6": {"input_layer": "conv2d6"},
    "conv2d8": {"input_layer": "conv2d8"},
    "linear": {"input_layer": "linear"},
    "embed": {"input_layer": "embed"},
    "no-input-layer": {"input_layer": None},
    "legacy": {"rel_pos_type": "legacy"},
    "legacy-zero_triu": {"rel_pos_type": "legacy", "zero_triu": True},
    "legacy-linear": {"rel_pos_type": "legacy", "input_layer": "linear"},
    "legacy-no-input-layer": {"rel_pos_type": "legacy", "input_layer": None},
    "legacy_rel_pos": {
        "rel_pos_type": "legacy",
        "pos_enc_layer_type": "legacy_rel_pos",
        "selfattention_layer_type": "legacy_rel_selfattn",
    },
    "zero_triu": {"zero_triu": True},
    "abs_pos": {**_ABSOLUTE, "rel_pos_type": "legacy"},
    "scaled_abs_pos": {**_ABSOLUTE, "rel_pos_type": "legacy", "pos_enc_layer_type": "scaled_abs_pos"},
    "abs_pos-qk_norm": {**_ABSOLUTE, "rel_pos_type": "legacy", "qk_norm": True},
    "abs_pos-no-flash": {**_ABSOLUTE, "rel_pos_type": "legacy", "use_flash_attn": False},
    "rel_pos-qk_norm": {"qk_norm": True},
    "no-macaron": {"macaron_style": False},
    "no-cnn": {"use_cnn_module": False},
    "no-cnn-no-macaron": {"use_cnn_module": False, "macaron_style": False},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "conv1d": {"positionwise_layer_type": "conv1d"},
    "conv1d-linear": {"positionwise_layer_type": "conv1d-linear", "positionwise_conv_kernel_size": 5},
    "interctc": {"interctc_layer_idx": [1], "num_blocks": 2},
    "two-blocks": {"num_blocks": 2},
    "short-table": {"max_pos_emb_len": 8, "input_layer": "linear"},
    "training-options": {"dropout_rate": 0.3, "stochastic_depth_rate": [0.1], "layer_drop_rate": 0.1},
    **{f"act-{name}": {"activation_type": name} for name in ("relu", "tanh", "hardtanh", "selu")},
}
TRANSFORMERS: dict[str, dict[str, Any]] = {
    "conv2d": {},
    "conv2d1": {"input_layer": "conv2d1"},
    "conv2d2": {"input_layer": "conv2d2"},
    "conv2d6": {"input_layer": "conv2d6"},
    "conv2d8": {"input_layer": "conv2d8"},
    "conv1d2": {"input_layer": "conv1d2"},
    "linear": {"input_layer": "linear"},
    "embed": {"input_layer": "embed"},
    "no-input-layer": {"input_layer": None},
    "scaled_abs_pos": {"pos_enc_layer_type": "scaled_abs_pos"},
    "normalize_after": {"normalize_before": False},
    "concat_after": {"concat_after": True},
    "conv1d": {"positionwise_layer_type": "conv1d", "positionwise_conv_kernel_size": 3},
    "conv1d-linear": {"positionwise_layer_type": "conv1d-linear", "positionwise_conv_kernel_size": 3},
    "interctc": {"interctc_layer_idx": [1], "num_blocks": 2},
    "two-blocks": {"num_blocks": 2},
    "qk_norm": {"qk_norm": True},
    "no-flash": {"use_flash_attn": False},
    "training-options": {"layer_drop_rate": 0.5, "dropout_rate": 0.3},
}
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
    "qk_norm": {"qk_norm": True},
    "no-flash": {"use_flash_attn": False},
    "no-output-layer": {"use_output_layer": False},
    "training-options": {"layer_drop_rate": 0.5, "dropout_rate": 0.3, "gradient_checkpoint_layers": [0]},
}
CTCS: dict[str, dict[str, Any]] = {"default": {}, "dropout": {"dropout_rate": 0.3}}
_RNN = {"vocab_size": VOCABULARY, "unit": 12, "nhid": 10, "nlayers": 2}
RNN_LMS: dict[str, dict[str, Any]] = {
    **{name: {"rnn_type": name} for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    "one-layer": {"nlayers": 1},
}
_TRANSFORMER_LM = {
    "vocab_size": VOCABULARY,
    "embed_unit": 12,
    "att_unit": MODEL,
    "head": 2,
    "unit": 24,
    "layer": 2,
}
TRANSFORMER_LMS: dict[str, dict[str, Any]] = {"default": {}, "sinusoidal": {"pos_enc": "sinusoidal"}}

_HEADS = {"n_head": 2, "n_feat": MODEL, "dropout_rate": 0.0}
_ACROSS = (Array("xs", ("u", MODEL)), MEMORY)
_RELATIVE = (*HIDDEN, Array("positions", ("2n-1", MODEL), centred=True))
# name: class, call, options, inputs, lengths
ATTENTIONS: dict[str, tuple[str, str, dict[str, Any], tuple[Array, ...], tuple[int, ...]]] = {
    "self": ("MultiHeadedAttention", "self_attention", {}, HIDDEN, LENGTHS),
    "self-qk_norm": ("MultiHeadedAttention", "self_attention", {"qk_norm": True}, HIDDEN, LENGTHS),
    "self-causal": ("MultiHeadedAttention", "causal_attention", {}, HIDDEN, LENGTHS),
    "source": ("MultiHeadedAttention", "source_attention", {}, _ACROSS, LENGTHS),
    "source-qk_norm": ("MultiHeadedAttention", "source_attention", {"qk_norm": True}, _ACROSS, LENGTHS),
    "rel": ("RelPositionMultiHeadedAttention", "relative_attention", {}, _RELATIVE, LENGTHS),
    "rel-zero_triu": (
        "RelPositionMultiHeadedAttention", "relative_attention", {"zero_triu": True}, _RELATIVE, LENGTHS,
    ),
    "legacy": (
        "LegacyRelPositionMultiHeadedAttention", "relative_attention", {},
        (*HIDDEN, Array("positions", ("n", MODEL))), LENGTHS[:1],
    ),
    "legacy-zero_triu": (
        "LegacyRelPositionMultiHeadedAttention", "relative_attention", {"zero_triu": True},
        (*HIDDEN, Array("positions", ("n", MODEL))), LENGTHS[:1],
    ),
}  # fmt: skip
POSITIONS = {
    "abs": "PositionalEncoding",
    "scaled": "ScaledPositionalEncoding",
    "rel": "RelPositionalEncoding",
    "legacy": "LegacyRelPositionalEncoding",
}
SUBSAMPLINGS = {
    **{f"conv1d{rate}": f"Conv1dSubsampling{rate}" for rate in (1, 2, 3)},
    "conv2d": "Conv2dSubsampling",
    **{f"conv2d{rate}": f"Conv2dSubsampling{rate}" for rate in (1, 2, 6, 8)},
}
# name: target, options
LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "feed_forward": (
        "transformer.positionwise_feed_forward:PositionwiseFeedForward",
        {"idim": MODEL, "hidden_units": 24, "dropout_rate": 0.1},
    ),
    "feed_forward-swish": (
        "transformer.positionwise_feed_forward:PositionwiseFeedForward",
        {
            "idim": MODEL,
            "hidden_units": 24,
            "dropout_rate": 0.1,
            "activation": New(BACKEND + "conformer.swish:Swish"),
        },
    ),
    "layer_norm": ("transformer.layer_norm:LayerNorm", {"nout": MODEL}),
}
_KERNEL5 = {"in_chans": MODEL, "hidden_chans": 24, "kernel_size": 5, "dropout_rate": 0.1}
CONVOLUTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "conv1d": ("transformer.multi_layer_conv:MultiLayeredConv1d", _KERNEL5),
    "conv1d-linear": ("transformer.multi_layer_conv:Conv1dLinear", _KERNEL5),
    "module": ("conformer.convolution:ConvolutionModule", {"channels": MODEL, "kernel_size": 7}),
    "module-swish-no-bias": (
        "conformer.convolution:ConvolutionModule",
        {"channels": MODEL, "kernel_size": 7, "bias": False, "activation": New(BACKEND + "conformer.swish:Swish")},
    ),
}

_TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]
_ASR = {
    "model": "espnet",
    "token_list": _TOKENS,
    "frontend": "default",
    "frontend_conf": {"fs": "16k", "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "global_mvn",
    "normalize_conf": {"stats_file": Stats(FEATURES)},
    "encoder": "conformer",
    "encoder_conf": {**_CONFORMER, "pos_enc_layer_type": "rel_pos", "selfattention_layer_type": "rel_selfattn"},
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 24, "num_blocks": 1},
    "ctc_conf": {},
    "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1, "length_normalized_loss": False},
}
_CONDITIONED = {"interctc_layer_idx": [1], "interctc_use_conditioning": True, "num_blocks": 2}
MODELS: dict[str, dict[str, Any]] = {
    "conformer": {},
    "transformer": {
        "encoder": "transformer",
        "encoder_conf": _BLOCKS,
        "normalize": "utterance_mvn",
        "normalize_conf": {},
    },
    "conformer-interctc": {
        "encoder_conf": {**_CONFORMER, **_CONDITIONED},
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.5},
    },
    "transformer-interctc": {
        "encoder": "transformer",
        "encoder_conf": {**_BLOCKS, **_CONDITIONED},
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.5},
    },
    "ctc-only": {
        "decoder": None,
        "decoder_conf": {},
        "model_conf": {"ctc_weight": 1.0},
        "normalize": None,
        "normalize_conf": {},
    },
    "attention-only": {"model_conf": {"ctc_weight": 0.0}},
    "linear": {"encoder": "transformer", "encoder_conf": {**_BLOCKS, "input_layer": "linear"}},
    "features": {"input_size": FEATURES, "frontend": None, "frontend_conf": {}},
}
_LM = {"model": "lm", "token_list": _TOKENS, "model_conf": {"ignore_id": 0}}
LM_MODELS: dict[str, dict[str, Any]] = {
    "seq_rnn": {"lm": "seq_rnn", "lm_conf": {"unit": 12, "nlayers": 1}},
    "transformer": {"lm": "transformer", "lm_conf": {k: v for k, v in _TRANSFORMER_LM.items() if k != "vocab_size"}},
}


def _model_rows() -> list[Row]:
    asr, lm, tied = "espnet2.asr.", "espnet2.lm.", {"decoder.weight": "encoder.weight"}
    rows = family("frontend", "frontend", asr + "frontend.default:DefaultFrontend", SPEECH, FRONTENDS, {}, SAMPLES)
    spectrum = New(asr + "frontend.default:DefaultFrontend", {"apply_stft": False, "n_fft": 256, "n_mels": 30})
    rows.append(Row("frontend-no-stft", "frontend", spectrum, (Array("speech", ("n", 129, 2)),), LENGTHS))
    for name, (target, options) in NORMALIZERS.items():
        rows.append(Row(name, "normalize", New(f"espnet2.layers.{target}", options), FRAMES, LENGTHS))
    rows += encoders("conformer", "conformer_encoder:ConformerEncoder", CONFORMERS, _CONFORMER)
    rows += encoders("transformer", "transformer_encoder:TransformerEncoder", TRANSFORMERS, _BLOCKS)
    decoder = asr + "decoder.transformer_decoder:TransformerDecoder"
    rows += family("decoder", "decoder", decoder, (MEMORY, *TEXT), DECODERS, _DECODER)
    rows += family("decoder", "decoder", decoder, (MEMORY, ONE_HOT), {"linear": {"input_layer": "linear"}}, _DECODER)
    rows += family("ctc", "ctc", asr + "ctc:CTC", HIDDEN, CTCS, {"odim": VOCABULARY, "encoder_output_size": MODEL})
    rows += family("rnn_lm", "lm", lm + "seq_rnn_lm:SequentialRNNLM", TEXT, RNN_LMS, _RNN)
    tied_lm = New(lm + "seq_rnn_lm:SequentialRNNLM", {**_RNN, "nhid": 12, "tie_weights": True})
    rows.append(Row("rnn_lm-tied", "lm", tied_lm, TEXT, LENGTHS, tied=tied))
    rows += family("transformer_lm", "lm", lm + "transformer_lm:TransformerLM", TEXT, TRANSFORMER_LMS, _TRANSFORMER_LM)
    return rows


def _layer_rows() -> list[Row]:
    rows = []
    for name, (target, call, options, inputs, lengths) in ATTENTIONS.items():
        target = f"{TRANSFORMER}attention:{target}"
        rows += family("attention", call, target, inputs, {name: options}, _HEADS, lengths)
    for name, target in POSITIONS.items():
        make = New(f"{TRANSFORMER}embedding:{target}", {"d_model": MODEL, "dropout_rate": 0.1})
        rows.append(Row(f"position-{name}", "position", make, HIDDEN, (23,)))
        rows.append(Row(f"position-{name}-6000", "position", make, HIDDEN, (6000,), keep=999))
    sizes = {"idim": FEATURES, "odim": MODEL, "dropout_rate": 0.1}
    for name, target in SUBSAMPLINGS.items():
        target = f"{TRANSFORMER}subsampling:{target}"
        rows += family("subsampling", "subsampling", target, FRAMES, {name: sizes})
    for name, (target, options) in LAYERS.items():
        rows += family("layer", "layer", BACKEND + target, HIDDEN, {name: options})
    for name, (target, options) in CONVOLUTIONS.items():
        rows += family("convolution", "layer", BACKEND + target, HIDDEN, {name: options}, {}, LENGTHS[:1])
    return rows


def _task_rows() -> list[Row]:
    rows = []
    for name, keys in MODELS.items():
        inputs, lengths = (FRAMES, LENGTHS) if name == "features" else (SPEECH, SAMPLES)
        make = Config("espnet2.tasks.asr:ASRTask", {**_ASR, **keys})
        rows.append(Row(f"model-{name}", "encode", make, inputs, lengths))
    for name, keys in LM_MODELS.items():
        make = Config("espnet2.tasks.lm:LMTask", {**_LM, **keys})
        rows.append(Row(f"model-lm-{name}", "lm_model", make, TEXT, LENGTHS))
    return rows


ROWS = [*_model_rows(), *_layer_rows(), *_task_rows()]

_SMALL = {"encoder": "transformer", "encoder_conf": {**_BLOCKS, "input_layer": "linear"}, "token_type": "char"}
ROUND_TRIP = {
    "asr": Config("espnet2.tasks.asr:ASRTask", {**_ASR, **MODELS["features"], **MODELS["ctc-only"], **_SMALL}),
    "lm": Config("espnet2.tasks.lm:LMTask", {**_LM, **LM_MODELS["seq_rnn"], "token_type": "char"}),
}
ROUND_TRIP["src_lm"] = ROUND_TRIP["lm"]

# Rows whose graph is made of parts that other rows export, with other sizes or constants, or under the name of another
# option: they go through PyTorch only, since an export takes seconds.
SAME_GRAPH = {
    *(f"frontend-{name}" for name in ("hop160", "fs16k", "fmin-fmax", "hamming", "blackman", "no-frontend-conf")),
    *(f"conformer-{name}" for name in ("conv2d1", "conv2d2", "conv2d6", "conv2d8", "embed")),  # as transformers
    *(f"conformer-{name}" for name in ("legacy_rel_pos", "legacy-zero_triu", "legacy-no-input-layer", "two-blocks")),
    *(f"conformer-{name}" for name in ("abs_pos-no-flash", "rel_pos-qk_norm", "no-cnn-no-macaron", "short-table")),
    *(f"conformer-{name}" for name in ("training-options", "interctc")),
    *(f"transformer-{name}" for name in ("no-flash", "two-blocks", "interctc", "training-options")),
    *(f"model-{name}" for name in ("ctc-only", "attention-only", "lm-transformer")),
    "decoder-no-flash",
    "decoder-training-options",
    "ctc-dropout",
}
# They read or give vectors where graphs have tokens or samples.
NO_GRAPH = {"decoder-linear", "decoder-no-output-layer"}
LONG = {"conformer-conv2d", "conformer-legacy", "conformer-abs_pos", "transformer-conv2d"}
# Row, options that it must refuse, and what the sentence says.
REFUSED = [
    ("conformer-conv2d", {"input_layer": "conv2d3"}, "input_layer.*conv2d3.*conv2d6"),
    ("conformer-conv2d", {"rel_pos_type": "newest"}, "rel_pos_type.*newest.*latest"),
    ("conformer-conv2d", {"pos_enc_layer_type": "rotary"}, "pos_enc_layer_type.*rotary.*abs_pos"),
    ("conformer-conv2d", {"selfattention_layer_type": "fast"}, "selfattention_layer_type.*fast.*rel_selfattn"),
    ("conformer-conv2d", {"pos_enc_layer_type": "abs_pos"}, "abs_pos.*rel_selfattn"),
    ("conformer-conv2d", {"selfattention_layer_type": "selfattn"}, "rel_pos.*selfattn"),
    ("conformer-conv2d", {"positionwise_layer_type": "conv3d"}, "positionwise_layer_type.*conv3d.*conv1d-linear"),
    ("conformer-conv2d", {"activation_type": "gelu"}, "activation.*gelu.*swish"),
    ("conformer-conv2d", {"cnn_module_kernel": 8}, "kernel.*8"),
    ("conformer-conv2d", {"output_size": 15}, "15"),
    ("conformer-conv2d", {"interctc_layer_idx": [2]}, "interctc_layer_idx.*2"),
    ("conformer-conv2d", {"stochastic_depth_rate": [0.1, 0.2, 0.3]}, "stochastic_depth_rate.*3"),
    ("conformer-conv2d", {"num_blocks": "12"}, "num_blocks.*int"),
    ("conformer-conv2d", {"layers": 2}, "layers"),
    ("conformer-conv2d8", {"input_size": 6}, "features.*6"),
    ("conformer-no-input-layer", {"input_size": 20}, "input.*20.*16"),
    ("transformer-conv2d", {"input_layer": "conv3d"}, "input_layer.*conv3d.*conv1d2"),
    ("transformer-conv2d", {"positionwise_layer_type": "conv3d"}, "positionwise_layer_type.*conv3d.*conv1d-linear"),
    ("transformer-conv2d", {"interctc_layer_idx": [5]}, "interctc_layer_idx.*5"),
    ("decoder-default", {"input_layer": "conv2d"}, "input_layer.*conv2d.*embed"),
    ("decoder-default", {"attention_heads": 3}, "16.*3"),
    ("ctc-default", {"ctc_type": "warpctc"}, "ctc_type.*warpctc.*builtin"),
    ("rnn_lm-lstm", {"rnn_type": "lru"}, "rnn_type.*lru.*gru"),
    ("rnn_lm-lstm", {"tie_weights": True}, "tie_weights|tied"),
    ("transformer_lm-default", {"pos_enc": "rotary"}, "pos_enc.*rotary.*sinusoidal"),
    ("frontend-default", {"window": "triangle"}, "window.*hann.*triangle"),
    ("frontend-default", {"fs": "fast"}, "fs.*fast"),
    ("frontend-default", {"onesided": False}, "onesided"),
    ("frontend-default", {"frontend_conf": {"use_mvdr": True}}, "use_beamformer.*use_mvdr"),
    ("frontend-default", {"win_length": 600}, "win_length.*600"),
    ("frontend-default", {"n_mels": "80"}, "n_mels"),
    ("global_mvn", {"stats_file": "absent.npz"}, "absent.npz"),
]
