"""Rows of the decoders `s4` and `linear_decoder`, the length adaptor, and further language models."""

from __future__ import annotations

from typing import Any

from zoo_data import Config, New, Pretrained, Row
from zoo_rows import FEATURES, FRAMES, HIDDEN, LENGTHS, MEMORY, MODEL, TEXT, VOCABULARY, family

_ADAPTOR = {"input_size": MODEL}
ADAPTORS: dict[str, dict[str, Any]] = {
    "two-layers": {"length_adaptor_n_layers": 2},
    "default": {},
    "linear": {"length_adaptor_n_layers": 1, "input_layer": "linear", "output_size": 12},
    "linear-only": {"input_layer": "linear", "output_size": 12, "dropout_rate": 0.3},
    "three-layers": {"length_adaptor_n_layers": 3, "return_int_enc": True},
    "ignored-size": {"output_size": 12},
}
LINEAR_DECODERS: dict[str, dict[str, Any]] = {
    "mean": {},
    "max": {"pooling": "max"},
    "CLS": {"pooling": "CLS", "dropout": 0.3},
}
_SIZES = {"vocab_size": VOCABULARY, "encoder_output_size": MODEL}
MULTITASK: dict[str, dict[str, Any]] = {
    "seq_rnn": {"lm": "seq_rnn", "lm_conf": {"unit": 12, "nlayers": 1}},
    "transformer": {"lm": "transformer", "lm_conf": {"att_unit": MODEL, "unit": 24, "layer": 1}},
}
_OPT = {
    "hidden_size": MODEL,
    "num_hidden_layers": 2,
    "ffn_dim": 24,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "word_embed_proj_dim": MODEL,
}
_BERT = Pretrained(
    "AutoModel",
    "bert",
    {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "vocab_size": 9},
)
OPTS: dict[str, dict[str, Any]] = {
    "default": {},
    "normalize_after": {"do_layer_norm_before": False, "word_embed_proj_dim": 8},  # as the one of 350M parameters
    "no-bias": {"enable_bias": False, "_remove_final_layer_norm": True, "activation_function": "gelu"},
}
_S4 = {"_name_": "s4", "d_state": 8}
_MHA, _FF = {"_name_": "mha", "n_head": 2}, {"_name_": "ff"}
_S4_DECODER = {**_SIZES, "n_layers": 2, "residual": "R", "norm": "layer", "layer": [_S4, _MHA, _FF]}
S4S: dict[str, dict[str, Any]] = {
    "default": {},
    "shared": {"layer": [{**_S4, "n_ssm": 2, "rank": 2}, {**_MHA, "dropout": 0.1}, {**_FF, "expand": 4}]},
    "normalize_after": {"prenorm": False, "layer": [_MHA, {**_S4, "activation": "relu"}]},
    "repeated": {"n_layers": 1, "n_repeat": 2},
    "no-residual": {"residual": None, "layer": [_MHA, _S4], "n_layers": 1},
    "batch_norm": {"residual": "residual", "norm": "batch", "n_layers": 1},
    "batch_norm-after": {"residual": "residual", "norm": {"_name_": "batch"}, "n_layers": 1, "prenorm": False},
    "no-norm": {"residual": {"_name_": "ff"}, "norm": "none", "n_layers": 1},
    "training-options": {"dropinp": 0.2, "drop_path": 0.1, "tie_dropout": True, "track_norms": False},
}
_TRAINED = {f"decoder.layers.{index}.layer.kernel.kernel.L": 16 for index in (0, 3)}
_TOKENS = ["<blank>", "<unk>", *"abcdefgh", "<sos/eos>"]
_OPT_MODEL = {
    "token_list": _TOKENS,
    "model": "lm",
    "lm": "transformer_opt",
    "lm_conf": {"opt_name": Pretrained("AutoModelForCausalLM", "opt", _OPT)},
}
_ANSWERS = {"token_list": _TOKENS, "model": "lm_multitask", "model_conf": {"sos_syms": ["a", "b"]}}
_SHORTENED = {
    "token_list": _TOKENS,
    "model": "espnet",
    "input_size": FEATURES,
    "frontend": None,
    "normalize": None,
    "encoder": "transformer",
    "encoder_conf": {
        "output_size": MODEL, "attention_heads": 2, "linear_units": 8, "num_blocks": 1, "input_layer": "linear",
    },
    "postencoder": "length_adaptor",
    "postencoder_conf": {"length_adaptor_n_layers": 2, "input_layer": "linear", "output_size": 12},
    "decoder": None,
    "model_conf": {"ctc_weight": 1.0},
}  # fmt: skip


def _rows() -> list[Row]:
    adaptor = "espnet2.asr.postencoder.length_adaptor_postencoder:LengthAdaptorPostEncoder"
    rows = family("length_adaptor", "postencoder", adaptor, HIDDEN, ADAPTORS, _ADAPTOR)
    make = Config("espnet2.tasks.asr:ASRTask", _SHORTENED)
    rows.append(Row("model-length_adaptor", "encode", make, FRAMES, LENGTHS))
    target = "espnet2.asr.decoder.linear_decoder:LinearDecoder"
    rows += family("linear_decoder", "classifier", target, (MEMORY, *TEXT), LINEAR_DECODERS, _SIZES)
    target = "espnet2.asr.decoder.s4_decoder:S4Decoder"
    rows += family("s4", "stepwise", target, (MEMORY, *TEXT), S4S, _S4_DECODER)
    rows.append(Row("s4-trained", "stepwise", New(target, _S4_DECODER), (MEMORY, *TEXT), LENGTHS, fixed=_TRAINED))
    for name, keys in MULTITASK.items():
        make = Config("espnet2.tasks.lm:LMTask", {**_ANSWERS, **keys})
        rows.append(Row(f"model-lm_multitask-{name}", "lm_likelihood", make, TEXT, LENGTHS))
    target = "espnet2.lm.huggingface_pretrained_opt_lm:HuggingfaceOPTModel"
    for name, keys in OPTS.items():
        directory = Pretrained("AutoModelForCausalLM", "opt", {**_OPT, **keys})
        make = New(target, {"vocab_size": VOCABULARY, "opt_name": directory})
        rows.append(Row(f"transformer_opt-{name}", "lm", make, TEXT, LENGTHS))
    make = Config("espnet2.tasks.lm:LMTask", _OPT_MODEL)
    rows.append(Row("model-lm-transformer_opt", "lm_model", make, TEXT, LENGTHS))
    return rows


ROWS = _rows()
SAME_GRAPH = {
    *(f"s4-{name}" for name in S4S if name not in ("default", "shared", "batch_norm")),
    "s4-trained",
    *(f"length_adaptor-{name}" for name in ADAPTORS if name != "two-layers"),
    *("model-lm_multitask-transformer", "linear_decoder-CLS", "transformer_opt-no-bias", "model-lm-transformer_opt"),
}
REFUSED = [
    ("length_adaptor-default", {"length_adaptor_n_layers": -1}, "length_adaptor_n_layers.*-1"),
    ("length_adaptor-default", {"input_layer": "conv2d"}, "input_layer.*conv2d.*linear"),
    ("length_adaptor-default", {"input_layer": "linear"}, "output_size.*None"),
    ("s4-default", {"layer": None}, "layer.*None"),
    ("s4-default", {"layer": [{"_name_": "s5"}]}, "layer _name_.*s5.*mha"),
    ("s4-default", {"layer": [_S4, _FF]}, "layer.*mha"),
    ("s4-default", {"layer": [_S4, _MHA, {**_S4, "d_state": 4}]}, "layer.*s4.*4, 8"),
    ("s4-default", {"layer": [{**_S4, "d_state": 7}, _MHA]}, "d_state.*even"),
    ("s4-default", {"layer": [{**_S4, "n_ssm": 3}, _MHA]}, "n_ssm.*divisor"),
    ("s4-default", {"layer": [{**_S4, "mode": "diag"}, _MHA]}, "mode.*nplr.*diag"),
    ("s4-default", {"layer": [{**_S4, "bidirectional": True}, _MHA]}, "bidirectional.*False.*True"),
    ("s4-default", {"layer": [{**_S4, "width": 3}, _MHA]}, "width.*d_state"),
    ("s4-default", {"norm": None}, "norm.*None.*layer"),
    ("s4-default", {"norm": "instance"}, "norm.*instance.*layer"),
    ("s4-default", {"residual": {"_name_": "R", "alpha": 0.5}}, "residual.*alpha"),
    ("s4-default", {"residual": "highway"}, "residual.*highway.*R"),
    ("s4-default", {"pool": "sample"}, "pool.*sample"),
    ("s4-default", {"transposed": True}, "transposed.*True"),
    ("s4-default", {"input_layer": "linear"}, "input_layer.*linear.*embed"),
    ("transformer_opt-default", {"opt_name": _BERT}, "opt_name.*opt.*bert"),
    ("linear_decoder-mean", {"pooling": "median"}, "pooling.*median.*CLS"),
    ("linear_decoder-mean", {"vocab_size": 3}, "token_list.*3"),
    ("linear_decoder-mean", {"dropout": 1.5}, "dropout.*1.5"),
]
