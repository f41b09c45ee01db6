"""Rows of whole models in training: losses, statistics and gradients."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, Row
from zoo_rows import FEATURES, LENGTHS, MODEL, VOCABULARY

BATCHES = {"together": (0, 1, 2), "alone": (0,)}  # utterances
# Padding changes what upstream's convolutions make of an utterance: batches are of utterances of one length.
_EVEN = (43, 43, 43)
_LABELS = VOCABULARY - 1  # texts are without the last token, which starts and ends sentences
_SPOKEN = (Array("speech", ("n", FEATURES)), Array("text", ("u",), below=_LABELS))
_WRITTEN = (Array("text", ("u",), below=_LABELS),)
_CLASS = Array("text", (1,), below=_LABELS)
_LANGUAGE = Array("lid", (2,), below=_LABELS)
_TOKENS = ["<blank>", "<unk>", *"abcd", "<space>", *"efg", "<sos/eos>"]
_NO_DROPOUT = {"dropout_rate": 0.0, "positional_dropout_rate": 0.0}
_BLOCKS = {
    "output_size": MODEL,
    "attention_heads": 2,
    "linear_units": 24,
    "num_blocks": 1,
    "input_layer": "linear",
    **_NO_DROPOUT,
}
_LM_NO_DROPOUT = {**_NO_DROPOUT, "attention_dropout_rate": 0.0}
_DECODER = {"attention_heads": 2, "linear_units": 24, "num_blocks": 1, **_NO_DROPOUT}
_FEATURES = {"input_size": FEATURES, "frontend": None, "frontend_conf": {}, "token_list": _TOKENS}
_ASR: dict[str, Any] = {
    **_FEATURES,
    "model": "espnet",
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder": "transformer",
    "encoder_conf": _BLOCKS,
    "decoder": "transformer",
    "decoder_conf": _DECODER,
    "ctc_conf": {},
    "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1},
}
_INTERMEDIATE: dict[str, Any] = {**_BLOCKS, "num_blocks": 3, "interctc_layer_idx": [1, 2]}
_TRANSDUCER = {
    "decoder": "transducer",
    "decoder_conf": {"hidden_size": 12},
    "joint_net_conf": {"joint_space_size": 10},
}
MODELS: dict[str, dict[str, Any]] = {
    "hybrid": {},
    "per-token": {"model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1, "length_normalized_loss": True}},
    "no-smoothing": {"model_conf": {}},
    "no-reports": {"model_conf": {"report_cer": False, "report_wer": False}},
    "ctc-only": {"decoder": None, "decoder_conf": {}, "model_conf": {"ctc_weight": 1.0}},
    "attention-only": {"model_conf": {"ctc_weight": 0.0}},
    "interctc": {"encoder_conf": _INTERMEDIATE, "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.4}},
    "interctc-conditioned": {
        "encoder_conf": {**_INTERMEDIATE, "interctc_use_conditioning": True},
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.4},
    },
    "aux-ctc": {
        "encoder_conf": _INTERMEDIATE,
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.4, "aux_ctc": {"2": "lid"}},
    },
    "language": {"model_conf": {"lang_token_id": 5}},
    "language-attention-only": {"model_conf": {"ctc_weight": 0.0, "lang_token_id": 5}},
    "builtin2": {"ctc_conf": {"ctc_type": "builtin2"}},
    "classes": {"decoder": "linear_decoder", "decoder_conf": {}, "model_conf": {"ctc_weight": 0.0}},
    "rnn": {
        "decoder": "rnn",
        "decoder_conf": {"hidden_size": 12, "att_conf": {"adim": 10, "aconv_chans": 3, "aconv_filts": 5}},
    },
    "conformer": {
        "encoder": "conformer",
        "encoder_conf": {**_BLOCKS, "macaron_style": True, "use_cnn_module": True, "cnn_module_kernel": 5},
    },
    "specaug": {"specaug": "specaug", "specaug_conf": {"time_mask_width_range": [0, 9], "freq_mask_width_range": 5}},
    "transducer": {**_TRANSDUCER, "model_conf": {"ctc_weight": 0.3}},
    "transducer-alone": {**_TRANSDUCER, "model_conf": {"ctc_weight": 0.0}},
    "transducer-interctc": {
        **_TRANSDUCER,
        "encoder_conf": _INTERMEDIATE,
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.4},
    },
}

_MASKED = {"decoder": "mlm", "model": "maskctc", "decoder_conf": _DECODER}
MODELS |= {
    "maskctc": {**_MASKED, "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1}},
    "maskctc-per-token": {**_MASKED, "model_conf": {"ctc_weight": 0.3, "length_normalized_loss": True}},
    "maskctc-ctc-only": {**_MASKED, "model_conf": {"ctc_weight": 1.0}},
    "maskctc-interctc": {
        **_MASKED,
        "encoder_conf": _INTERMEDIATE,
        "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.4},
    },
}
# Checkpoints have the CTC layer twice.
_TIED = {f"pit_ctc.criterion_fn.ctc_lo.{name}": f"ctc.ctc_lo.{name}" for name in ("weight", "bias")}
_PIT: dict[str, Any] = {
    "model": "pit_espnet",
    "encoder": "transformer_multispkr",
    "encoder_conf": {**_BLOCKS, "num_blocks_sd": 1, "num_inf": 2},
    "ctc_conf": {"reduce": False},
}
MODELS |= {
    "pit": {**_PIT, "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1, "num_inf": 2, "num_ref": 2}},
    "pit-ctc-only": {**_PIT, "decoder": None, "model_conf": {"ctc_weight": 1.0, "num_inf": 2, "num_ref": 2}},
    "pit-three": {
        **_PIT,
        "encoder_conf": {**_PIT["encoder_conf"], "num_inf": 3},
        "model_conf": {"ctc_weight": 0.3, "num_inf": 3, "num_ref": 3},
    },
}
LM_MODELS: dict[str, dict[str, Any]] = {
    "lm-seq_rnn": {"lm": "seq_rnn", "lm_conf": {"unit": 12, "nlayers": 2, "dropout_rate": 0.0}},
    "lm-transformer": {
        "lm": "transformer",
        "lm_conf": {"embed_unit": 8, "att_unit": MODEL, "head": 2, "unit": 24, "layer": 1, **_LM_NO_DROPOUT},
    },
    "lm-multitask": {
        "model": "lm_multitask",
        "lm": "transformer",
        "lm_conf": {"embed_unit": 8, "att_unit": MODEL, "head": 2, "unit": 24, "layer": 1, **_LM_NO_DROPOUT},
        "model_conf": {"lsm_weight": 0.1, "sos_syms": ["e", "a"]},
    },
}
_CONFORMER = {
    "block_type": "conformer",
    "hidden_size": MODEL,
    "linear_size": 24,
    "heads": 2,
    "conv_mod_kernel_size": 5,
}
_STANDALONE: dict[str, Any] = {
    **_FEATURES,
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder_conf": {
        "body_conf": [_CONFORMER],
        "input_conf": {"vgg_like": False, "conv_size": 8, "subsampling_factor": 4},
    },
    "decoder": "rnn",
    "decoder_conf": {"embed_size": 10, "hidden_size": 12},
    "joint_network_conf": {"joint_space_size": 10},
    "model_conf": {"report_cer": True, "report_wer": True},
}
STANDALONE: dict[str, dict[str, Any]] = {
    "standalone": {},
    "standalone-stateless": {"decoder": "stateless", "decoder_conf": {"embed_size": 12}, "model_conf": {}},
    "standalone-auxiliary": {
        "model_conf": {
            "transducer_weight": 0.7,
            "auxiliary_ctc_weight": 0.3,
            "auxiliary_lm_loss_weight": 0.2,
            "report_cer": True,
            "validation_nstep": 3,
        }
    },
}
_PREVIOUS, _OF_CTC = (Array(name, ("u",), below=_LABELS) for name in ("text_prev", "text_ctc"))
_S2T: dict[str, Any] = {
    **{key: value for key, value in _ASR.items() if key != "token_list"},
    "token_list": [*_TOKENS[:-1], "<sos>", "<eos>", "<sop>", "<na>"],
}
S2T: dict[str, tuple[dict[str, Any], Array]] = {  # and the previous text
    "s2t": ({"model_conf": {**_ASR["model_conf"], "report_cer": False, "report_wer": False}}, _PREVIOUS),
    "s2t-none": (  # token 1 stands for no previous text
        {
            "encoder_conf": {**_INTERMEDIATE, "interctc_use_conditioning": True},
            "model_conf": {"ctc_weight": 0.3, "interctc_weight": 0.4, "sym_na": "<unk>"},
        },
        Array("text_prev", (1,), below=2),
    ),
}

SPECAUG: dict[str, tuple[dict[str, Any], list[int]]] = {  # options, and lengths of the utterances
    "frames": ({"time_mask_width_range": [0, 8]}, [40, 40]),
    "numbers": ({"time_mask_width_range": 9, "freq_mask_width_range": 5, "num_freq_mask": 1}, [40, 25]),
    "ratios": ({"time_mask_width_ratio_range": [0.0, 0.2], "freq_mask_width_range": [1, 4]}, [40, 9]),
    "mean": ({"time_mask_width_ratio_range": 0.3, "replace_with_zero": False, "num_time_mask": 3}, [40, 9]),
    "tiny": ({"time_mask_width_ratio_range": 0.01}, [40, 30]),
    "masks-alone": ({"apply_time_warp": False, "time_mask_width_range": [2, 50]}, [40, 9]),
    "warp-alone": (
        {
            "apply_freq_mask": False,
            "apply_time_mask": False,
            "time_warp_window": 12,
            "time_warp_mode": "bilinear",
        },
        [40, 30],
    ),
}


def _row(name: str, task: str, keys: dict[str, Any], inputs: tuple[Array, ...]) -> Row:
    lengths = _EVEN if "conformer" in name or task.startswith("asr_transducer") else LENGTHS
    make = Config(f"espnet2.tasks.{task}", keys)
    return Row(f"training-{name}", "training", make, inputs, lengths, tied=_TIED if name.startswith("pit") else {})


def _spoken(keys: dict[str, Any]) -> tuple[Array, ...]:
    if keys.get("decoder") == "linear_decoder":
        return _SPOKEN[0], _CLASS
    options = keys.get("model_conf", {})
    speakers = range(2, options.get("num_ref", 1) + 1)
    others = tuple(Array(f"text_spk{number}", ("u",), below=_LABELS) for number in speakers)
    return (*_SPOKEN, *others, *([_LANGUAGE] if "aux_ctc" in options else []))


_LM = {"model": "lm", "token_list": _TOKENS, "model_conf": {"ignore_id": 0}}
TRAINED = [
    *(_row(name, "asr:ASRTask", {**_ASR, **keys}, _spoken(keys)) for name, keys in MODELS.items()),
    *(_row(name, "lm:LMTask", {**_LM, **keys}, _WRITTEN) for name, keys in LM_MODELS.items()),
    *(
        _row(name, "asr_transducer:ASRTransducerTask", {**_STANDALONE, **keys}, _SPOKEN)
        for name, keys in STANDALONE.items()
    ),
    *(
        _row(name, "s2t:S2TTask", {**_S2T, **keys}, (*_SPOKEN, previous, _OF_CTC))
        for name, (keys, previous) in S2T.items()
    ),
]
# Rows of the zoo whose models start from each way of drawing weights.
INITIALIZED = ("training-conformer", "training-transducer", "training-rnn", "branchformer-fast", "sinc-default")
INITIALIZERS = ("chainer", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal")
