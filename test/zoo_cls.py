"""Rows of classifiers and of detectors of spoofed speech: heads, losses, and whole models."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_rows import FEATURES, HIDDEN, MODEL, SAMPLES, SPEECH

CLASSES = 4
_FRONTEND = {"n_fft": 64, "hop_length": 32, "n_mels": FEATURES}
_BLOCKS: dict[str, Any] = {"output_size": MODEL, "attention_heads": 2, "linear_units": 8, "num_blocks": 1}
_SPEECH: dict[str, Any] = {
    "frontend": "default",
    "frontend_conf": _FRONTEND,
    "normalize": "utterance_mvn",
    "normalize_conf": {},
    "encoder": "transformer",
    "encoder_conf": _BLOCKS,
    "decoder": "linear",
    "decoder_conf": {},
}
_KEYS: dict[str, Any] = {
    **_SPEECH,
    "model": "espnet",
    "token_list": ["cat", "dog", "bird", "rain", "<unk>"],
    "model_conf": {},
}
_BEATS = {"encoder_layers": 1, "encoder_embed_dim": 8, "encoder_ffn_embed_dim": 8, "encoder_attention_heads": 2}
_BEATS |= {"embed_dim": 8, "conv_pos": 16, "conv_pos_groups": 2}
TASK = "espnet2.tasks.cls:CLSTask"
MODELS: dict[str, dict[str, Any]] = {
    "task": {},
    "several": {
        "encoder": "conformer",
        "encoder_conf": {**_BLOCKS, "cnn_module_kernel": 5},
        "decoder_conf": {"pooling": "max"},
        "model_conf": {"classification_type": "multi-label"},
    },
    "beats": {
        "frontend": None,
        "frontend_conf": {},
        "input_size": 1,
        "normalize": None,
        "normalize_conf": {},
        "encoder": "beats",
        "encoder_conf": {"beats_config": _BEATS},
        "decoder_conf": {"pooling": "CLS"},
    },
}
_PLACE = "espnet2.asvspoof."
DETECTOR = Config(
    "espnet2.tasks.asvspoof:ASVSpoofTask",
    {**_SPEECH, "losses": [{"name": "am_softmax_loss", "conf": {}}]},
)


def _head(pooling: str) -> Row:
    make = New(
        "espnet2.cls.decoder.linear_decoder:LinearDecoder",
        {"vocab_size": CLASSES, "encoder_output_size": MODEL, "pooling": pooling},
    )
    return Row(f"cls-{pooling}", "class_head", make, HIDDEN, (43, 29, 1))


ROWS = [
    *map(_head, ("mean", "max", "CLS")),
    Row(
        "asvspoof-linear",
        "class_head",
        New(f"{_PLACE}decoder.linear_decoder:LinearDecoder", {"encoder_output_size": MODEL}),
        HIDDEN,
        (43, 29, 1),
    ),
    *(
        Row(f"cls-{name}", "class_model", Config(TASK, {**_KEYS, **keys}), SPEECH, SAMPLES)
        for name, keys in MODELS.items()
    ),
    Row(
        "asvspoof-binary",
        "binary_loss",
        New(f"{_PLACE}loss.binary_loss:ASVSpoofBinaryLoss"),
        (Array("xs", (1,)),),
        (1, 1),
    ),
]
SAME_GRAPH = {f"cls-{name}" for name in MODELS}  # the round trips export them, and rows of encoders
ROUND_TRIP = {"cls": Config(TASK, _KEYS), "asvspoof": DETECTOR}
REFUSED = [("cls-mean", {"pooling": "CLSS"}, "pooling.*CLSS.*mean, max, CLS")]
