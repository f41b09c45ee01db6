"""Rows of ProDiff."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row
from zoo_tts import DURATIONS, FASTSPEECH2, FEATS, LENGTHS, OF_TOKENS, SPEAKER, TEXT, VOICE
from zoo_tts_gst import OF_MODELS, REFERENCE

BASE: dict[str, Any] = {
    **{name: value for name, value in FASTSPEECH2.items() if name not in ("dlayers", "dunits", "postnet_layers")},
    "denoiser_layers": 2,
    "denoiser_channels": 8,
    "diffusion_steps": 2,
}
del BASE["conformer_dec_kernel_size"]
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "cosine": ({"diffusion_scheduler": "cosine", "denoiser_layers": 3, "diffusion_cycle_ln": 2}, ()),
    "linear": ({"diffusion_scheduler": "linear", "diffusion_steps": 1, "postnet_layers": 2}, ()),
    "conformer": ({"encoder_type": "conformer", "conformer_rel_pos_type": "latest", "diffusion_beta": 20.0}, ()),
    "everything-given": ({"spks": 3, "spk_embed_dim": 5, **OF_MODELS}, (SPEAKER, VOICE, REFERENCE)),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "masking": {"use_masking": True, "postnet_layers": 2},
    "weighted": {"use_weighted_masking": True, "diffusion_timescale": 10},
}
_TARGET = "espnet2.tts.prodiff.prodiff:ProDiff"
ROWS = [
    *(
        Row(
            f"prodiff-{name}",
            "tts_seeded",
            New(_TARGET, {**BASE, **options}),
            (TEXT, *given),
            LENGTHS,
            fixed=DURATIONS,
        )
        for name, (options, given) in OPTIONS.items()
    ),
    *(
        Row(
            f"prodiff-losses-{name}",
            "tts_losses",
            New(_TARGET, {**BASE, **options}),
            (TEXT, FEATS, *OF_TOKENS),
            LENGTHS,
        )
        for name, options in LOSSES.items()
    ),
]
SAME_GRAPH = {f"prodiff-{name}" for name in OPTIONS if name != "default"}
REFUSED = [
    ("prodiff-default", {"reduction_factor": 2}, "reduction_factor: expected 1, found 2"),
    ("prodiff-default", {"decoder_type": "transformer"}, "decoder_type.*transformer.*diffusion"),
    ("prodiff-default", {"diffusion_scheduler": "sigmoid"}, "diffusion_scheduler.*sigmoid.*linear, cosine, vpsde"),
    ("prodiff-default", {"diffusion_steps": 0}, "diffusion_steps.*0"),
]
