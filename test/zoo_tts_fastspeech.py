"""Rows of FastSpeech."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row
from zoo_tts import CONFORMER, DURATIONS, FASTSPEECH2, FEATS, LANGUAGE, LENGTHS, SPEAKER, TEXT, VOICE
from zoo_tts_gst import OF_MODELS, REFERENCE

BASE = {name: value for name, value in FASTSPEECH2.items() if not name.startswith(("pitch_", "energy_"))}
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "reduction": ({"reduction_factor": 2, "positionwise_layer_type": "conv1d-linear"}, ()),
    "conformer": ({**CONFORMER, "conformer_rel_pos_type": "latest", "zero_triu": True}, ()),
    "plain": ({"postnet_layers": 0, "use_scaled_pos_enc": False, "encoder_normalize_before": False}, ()),
    "everything-given": (
        {"spks": 3, "langs": 4, "spk_embed_dim": 5, "spk_embed_integration_type": "concat", **OF_MODELS},
        (SPEAKER, LANGUAGE, VOICE, REFERENCE),
    ),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "masking": {"use_masking": True, "postnet_layers": 0},
    "weighted": {"use_weighted_masking": True, "reduction_factor": 2},
}
_TARGET = "espnet2.tts.fastspeech.fastspeech:FastSpeech"
ROWS = [
    *(
        Row(f"fastspeech-{name}", "tts", New(_TARGET, {**BASE, **options}), (TEXT, *given), LENGTHS, fixed=DURATIONS)
        for name, (options, given) in OPTIONS.items()
    ),
    *(
        Row(f"fastspeech-losses-{name}", "tts_losses", New(_TARGET, {**BASE, **options}), (TEXT, FEATS), LENGTHS)
        for name, options in LOSSES.items()
    ),
]
SAME_GRAPH = {f"fastspeech-{name}" for name in OPTIONS}
REFUSED = [
    ("fastspeech-default", {"encoder_type": "rnn"}, "encoder_type.*rnn.*transformer, conformer"),
    ("fastspeech-default", {"use_masking": True, "use_weighted_masking": True}, "use_masking.*use_weighted_masking"),
]
