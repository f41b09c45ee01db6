"""Rows of speech synthesis of discrete units."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_tts import CONFORMER, DURATIONS, FASTSPEECH2, LENGTHS, OF_TOKENS, SPEAKER, STFT, TEXT, TOKENS, VOICE

UNITS = 12
BASE = {**FASTSPEECH2, "odim": UNITS}
SEVERAL = {"discrete_token_layers": 2, "postnet_layers": 0}
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "no-postnet": ({"postnet_layers": 0, "use_scaled_pos_enc": False}, ()),
    "two-units": (SEVERAL, ()),
    "two-units-reduction": ({**SEVERAL, "reduction_factor": 2}, ()),
    "conformer": ({**CONFORMER, "conformer_rel_pos_type": "latest"}, ()),
    "everything-given": ({"spks": 3, "spk_embed_dim": 5, "spk_embed_integration_type": "concat"}, (SPEAKER, VOICE)),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "masking": {"use_masking": True, "postnet_layers": 0},
    "weighted": {"use_weighted_masking": True, "reduction_factor": 2, "ignore_id": -1},
    "two-units": SEVERAL,
}
MODEL: dict[str, Any] = {
    "src_token_list": TOKENS,
    "src_token_type": "char",
    "tgt_token_list": ["<blank>", "<unk>", *map(str, range(UNITS - 3)), "<sos/eos>"],
    "discrete_feats_extract": "identity",
    "pitch_extract": "dio",
    "pitch_extract_conf": {"fs": 8000, **STFT, "f0min": 60, "reduction_factor": 1},
    "energy_extract": "energy",
    "energy_extract_conf": {"fs": 8000, **STFT, "reduction_factor": 1},
    "tts": "fastspeech2",
    "tts_conf": {name: value for name, value in FASTSPEECH2.items() if name not in ("idim", "odim")},
}
_TARGET = "espnet2.tts2.fastspeech2.fastspeech2_discrete:FastSpeech2Discrete"
_GIVEN = (TEXT, Array("units", (40,), below=UNITS), *OF_TOKENS)
_OF_MODEL = {f"tts.{key}": value for key, value in DURATIONS.items()}
ROWS = [
    *(
        Row(f"tts2-{name}", "tts2", New(_TARGET, {**BASE, **options}), (TEXT, *given), LENGTHS, fixed=DURATIONS)
        for name, (options, given) in OPTIONS.items()
    ),
    *(
        Row(f"tts2-losses-{name}", "tts2_losses", New(_TARGET, {**BASE, **options}), _GIVEN, LENGTHS)
        for name, options in LOSSES.items()
    ),
    Row("tts2-model", "tts2_model", Config("espnet2.tasks.tts2:TTS2Task", MODEL), (TEXT,), LENGTHS, fixed=_OF_MODEL),
]
ROUND_TRIP = {"tts2": Config("espnet2.tasks.tts2:TTS2Task", MODEL)}
SAME_GRAPH = {f"tts2-{name}" for name in OPTIONS if name != "two-units-reduction"}
REFUSED = [
    ("tts2-default", {"discrete_token_layers": 5}, "discrete_token_layers: expected a divisor of 12 units, found 5"),
    ("tts2-default", {"discrete_token_layers": 2}, "postnet_layers: expected 0 with discrete_token_layers 2, found 2"),
    ("tts2-default", {"discrete_token_layers": 0}, "discrete_token_layers.*0"),
]
