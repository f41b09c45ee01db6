"""Rows of Transformer TTS."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row
from zoo_tts import LANGUAGE, LENGTHS, SPEAKER, TEXT, VOICE, F, V
from zoo_tts_gst import OF_MODELS

TRANSFORMER = "espnet2.tts.transformer.transformer:Transformer"
FEATS = Array("feats", (23, F))
SMALL: dict[str, Any] = {
    "idim": V,
    "odim": F,
    "embed_dim": 6,
    "eprenet_conv_layers": 2,
    "eprenet_conv_chans": 10,
    "dprenet_units": 12,
    "elayers": 1,
    "eunits": 20,
    "adim": 16,
    "aheads": 2,
    "dlayers": 2,
    "dunits": 20,
    "postnet_layers": 2,
    "postnet_chans": 12,
}
SURE = {"dprenet_dropout_rate": 0.0}  # the prenet drops nothing
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "no-prenets": ({"eprenet_conv_layers": 0, "dprenet_layers": 0, "elayers": 2}, ()),
    "reduction": ({"reduction_factor": 3, "positionwise_layer_type": "linear", "dlayers": 1}, ()),
    "positions": ({"use_scaled_pos_enc": False, "postnet_layers": 0, "positionwise_conv_kernel_size": 3}, ()),
    "normalize-after": (
        {
            "encoder_normalize_before": False,
            "decoder_normalize_before": False,
            "encoder_concat_after": True,
            "decoder_concat_after": True,
            "use_batch_norm": False,
        },
        (),
    ),
    "everything-given": (
        {"spks": 3, "langs": 4, "spk_embed_dim": 5, "spk_embed_integration_type": "concat", **OF_MODELS},
        (SPEAKER, LANGUAGE, VOICE, FEATS),
    ),
    "voice-add": ({"spk_embed_dim": 5, "eprenet_conv_filts": 3}, (VOICE,)),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "reduction": {
        "reduction_factor": 3,
        "loss_type": "L2",
        "modules_applied_guided_attn": ["encoder-decoder"],
        **OF_MODELS,
    },
    "one-head": {
        "elayers": 2,
        "num_heads_applied_guided_attn": 1,
        "num_layers_applied_guided_attn": 1,
        "modules_applied_guided_attn": ["encoder", "decoder"],
        "guided_attn_loss_sigma": 0.2,
        "use_masking": True,
    },
    "all-heads": {
        "num_heads_applied_guided_attn": -1,
        "num_layers_applied_guided_attn": -1,
        "guided_attn_loss_lambda": 10.0,
        "loss_type": "L1+L2",
    },
    "unguided": {"use_guided_attn_loss": False, "use_weighted_masking": True, "bce_pos_weight": 2.0},
}
ROWS = [
    *(
        Row(
            f"transformer_tts-{name}",
            "transformer_tts",
            New(TRANSFORMER, {**SMALL, **SURE, **options}),
            (TEXT, *given),
            LENGTHS,
            2e-5,
        )
        for name, (options, given) in OPTIONS.items()
    ),
    *(
        Row(
            f"transformer_tts-losses-{name}",
            "transformer_tts_losses",
            New(TRANSFORMER, {**SMALL, **options}),
            (TEXT, FEATS),
            LENGTHS,
            2e-5,
        )
        for name, options in LOSSES.items()
    ),
]
SAME_GRAPH = {f"transformer_tts-{name}" for name in OPTIONS if name != "default"}
REFUSED = [
    ("transformer_tts-default", {"loss_type": "L3"}, "loss_type.*L3.*L1, L2"),
    ("transformer_tts-default", {"reduction_factor": 0}, "reduction_factor.*0"),
    ("transformer_tts-default", {"aheads": 3}, "16 features.*3 attention heads"),
    ("transformer_tts-default", {"positionwise_layer_type": "rnn"}, "positionwise_layer_type.*rnn"),
    ("transformer_tts-default", {"use_masking": True, "use_weighted_masking": True}, "use_masking.*use_weighted"),
]
