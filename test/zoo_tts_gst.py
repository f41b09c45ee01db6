"""Rows of global style tokens."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_tts import DURATIONS, FASTSPEECH2, FEATS, LENGTHS, MODEL, OF_TOKENS, SMALL, SPEAKER, TEXT, VOICE, F

# Options of the encoder of styles; models have them behind `gst_`.
GST: dict[str, Any] = {
    "tokens": 4,
    "heads": 2,
    "conv_layers": 2,
    "conv_chans_list": [4, 6],
    "gru_units": 10,
}
OF_MODELS = {"use_gst": True, **{f"gst_{name}": value for name, value in GST.items()}}
REFERENCE = Array("feats", (21, F))
LONGER = {"duration_predictor.linear.bias": 3.0}
_STYLE = {"idim": F, "gst_token_dim": 16}
ENCODERS: dict[str, dict[str, Any]] = {
    "default": {},
    "wide-kernel": {"conv_kernel_size": 5, "conv_stride": 3, "gru_layers": 2},
    "three-layers": {"conv_layers": 3, "conv_chans_list": [4, 4, 8], "gst_heads": 4, "gst_tokens": 7},
}
_LOSSES = {"default": {}, "reduction": {"reduction_factor": 2, "use_masking": True}}


def _rows() -> list[Row]:
    names = {"tokens": "gst_tokens", "heads": "gst_heads"}
    base = {**_STYLE, **{names.get(name, name): value for name, value in GST.items()}}
    target = "espnet2.tts.gst.style_encoder:StyleEncoder"
    rows = [
        Row(f"style-{name}", "style", New(target, {**base, **options}), (Array("feats", ("n", F)),), (33, 20, 1))
        for name, options in ENCODERS.items()
    ]
    fastspeech2 = New("espnet2.tts.fastspeech2.fastspeech2:FastSpeech2", {**FASTSPEECH2, **OF_MODELS})
    rows.append(Row("fastspeech2-gst", "tts", fastspeech2, (TEXT, REFERENCE), LENGTHS, fixed=DURATIONS))
    everything = {"spks": 3, "spk_embed_dim": 5, "spk_embed_integration_type": "concat"}
    make = New(fastspeech2.target, {**fastspeech2.options, **everything})
    inputs = (TEXT, SPEAKER, VOICE, REFERENCE)
    rows.append(Row("fastspeech2-gst-speakers", "tts", make, inputs, LENGTHS, fixed=LONGER))
    for name, options in _LOSSES.items():
        make = New(fastspeech2.target, {**fastspeech2.options, **options})
        rows.append(Row(f"fastspeech2-losses-gst-{name}", "tts_losses", make, (TEXT, FEATS, *OF_TOKENS), LENGTHS))
    model = Config("espnet2.tasks.tts:TTSTask", {**MODEL, "tts_conf": {**SMALL, **OF_MODELS}})
    fixed = {f"tts.{key}": value for key, value in DURATIONS.items()}
    inputs = (TEXT, Array("speech", (1500,)))
    rows.append(Row("tts-model-gst", "tts_style_model", model, inputs, LENGTHS, fixed=fixed))
    return rows


ROWS = _rows()
SAME_GRAPH = {"fastspeech2-gst", "fastspeech2-gst-speakers"}
REFUSED = [
    ("style-default", {"conv_chans_list": [4]}, "gst_conv_chans_list: expected 2 channels.*found 1"),
    ("style-default", {"conv_kernel_size": 4}, "odd kernel size.*4"),
    ("style-default", {"gst_heads": 3}, "16 features.*3 attention heads"),
    ("style-default", {"conv_stride": 0}, "gst_conv_stride.*0"),
]
