"""Rows of translators of speech: the decoder with two attentions, and whole models."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_rows import FEATURES, LENGTHS, MEMORY, MODEL, TEXT, VOCABULARY

TASK = "espnet2.tasks.st:STTask"
SOURCE = ["<blank>", "<unk>", *"abcdefgh", "<space>", "<sos/eos>"]
TARGET = ["<blank>", "<unk>", *"uvwxyz", "<space>", "<sos/eos>"]
BLOCKS = {"output_size": MODEL, "attention_heads": 2, "linear_units": 24, "num_blocks": 1}
_DECODER = {"attention_heads": 2, "linear_units": 24, "num_blocks": 1}
_SECOND = {**BLOCKS, "input_layer": None}
_ST: dict[str, Any] = {
    "src_token_list": SOURCE,
    "token_list": TARGET,
    "src_token_type": "char",
    "token_type": "char",
    "frontend": "default",
    "frontend_conf": {"fs": 8000, "n_fft": 256, "hop_length": 64, "n_mels": FEATURES},
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder": "transformer",
    "encoder_conf": BLOCKS,
    "decoder": "transformer",
    "decoder_conf": _DECODER,
    "ctc_conf": {},
    "model_conf": {"asr_weight": 0.3, "mt_weight": 0.0, "mtlalpha": 1.0},
}
_EXTRA = {
    "extra_asr_decoder": "transformer_md",  # upstream trains with no other one
    "extra_asr_decoder_conf": {**_DECODER, "use_speech_attn": False},
    "model_conf": {"asr_weight": 0.3, "mt_weight": 0.0, "mtlalpha": 0.3},
}
_HIER = {
    "hier_encoder": "transformer",
    "hier_encoder_conf": _SECOND,
    "model_conf": {"asr_weight": 0.3, "mt_weight": 0.0, "mtlalpha": 1.0, "st_mtlalpha": 0.3},
}
_RECOGNISING = {"extra_asr_decoder": "transformer", "extra_asr_decoder_conf": _DECODER}  # upstream searches no other
_MD = {**_EXTRA, "md_encoder": "transformer", "md_encoder_conf": _SECOND}
_MD_SPEECH = {**_MD, "decoder": "transformer_md"}
_SPEECH = Array("speech", ("n", MODEL))
ROWS = [
    Row(
        "decoder-transformer_md",
        "two_source_decoder",
        New(
            "espnet2.asr.decoder.transformer_decoder:TransformerMDDecoder",
            {"vocab_size": VOCABULARY, "encoder_output_size": MODEL, **_DECODER},
        ),
        (_SPEECH, MEMORY, *TEXT),
        LENGTHS,
        keep=2,
    )
]
DECODED = {
    f"{'' if name.startswith('md') else 'st-'}{name}": Config(TASK, {**_ST, **keys})
    for name, keys in {
        "ctc": {},
        "plain": {"model_conf": {"asr_weight": 0.0, "mt_weight": 0.0, "mtlalpha": 0.0}},
        "rnn": {
            "decoder": "rnn",
            "decoder_conf": {"hidden_size": 12, "att_conf": {"adim": 10, "aconv_chans": 3, "aconv_filts": 5}},
        },
        "extra": _EXTRA,
        "hier": _HIER,
        "md": {**_MD, **_RECOGNISING},
        "md-speech": {**_MD_SPEECH, **_RECOGNISING},
        "mdtrained": _MD,
        "mdtrained-speech": _MD_SPEECH,
    }.items()
}
_FRAMES = {"frontend": None, "frontend_conf": {}, "normalize": None, "input_size": FEATURES}
_LINEAR = {"encoder_conf": {**BLOCKS, "input_layer": "linear"}}
# Encoders behind that of speech, CTC of the target language in multi-decoder models, and a transducer.
_BEHIND = {
    "hier_encoder": "transformer",
    "hier_encoder_conf": _SECOND,
    "postencoder": "length_adaptor",
    "postencoder_conf": {"length_adaptor_n_layers": 1},
}
_BOTH_CTC = {"model_conf": {"asr_weight": 0.3, "mt_weight": 0.0, "mtlalpha": 0.3, "st_mtlalpha": 0.3}}
_TRANSDUCER = {
    "decoder": "transducer",
    "decoder_conf": {"hidden_size": 12},
    "st_joint_net_conf": {"joint_space_size": 10},
}
FURTHER = {
    name: Config(TASK, {**_ST, **keys})
    for name, keys in {
        "st-behind": {**_HIER, **_BEHIND},
        "md-ctc": {**_MD, **_RECOGNISING, **_BOTH_CTC},
        "md-behind": {**_MD_SPEECH, **_RECOGNISING, **_BEHIND, **_BOTH_CTC},
        "st-transducer": _TRANSDUCER,
    }.items()
}
# Upstream embeds as many source tokens as there are target tokens.
OF_TEXTS = Config(
    TASK,
    {
        **_ST,
        "src_token_list": TARGET,
        "extra_mt_encoder": "transformer",
        "extra_mt_encoder_conf": {**BLOCKS, "input_layer": "embed"},
        "extra_mt_decoder": "transformer",
        "extra_mt_decoder_conf": _DECODER,
        "model_conf": {"asr_weight": 0.3, "mt_weight": 0.2, "mtlalpha": 1.0, "st_mtlalpha": 0.3},
    },
)
ROUND_TRIP = {"st": Config(TASK, {**_ST, **_MD_SPEECH, **_RECOGNISING, **_FRAMES, **_LINEAR})}
