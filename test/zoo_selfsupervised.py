"""Rows of encoders that are pretrained on speech alone: wav2vec 2.0, HuBERT, BEATs."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row
from zoo_rows import SAMPLES, family

WAVEFORM = (Array("xs", ("n",)),)
CONVOLUTIONS = [[8, 10, 5], [8, 3, 2], [8, 3, 2], [8, 2, 2], [8, 2, 2]]  # 80 samples a frame

_TORCHAUDIO = {
    "input_size": 1,
    "extractor_conv_layer_config": CONVOLUTIONS,
    "encoder_embed_dim": 16,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_ff_interm_features": 24,
    "num_classes": 5,
    "final_dim": 6,
    "finetuning": True,
}
TORCHAUDIO: dict[str, dict[str, Any]] = {
    "default": {},
    "layer_norm": {"extractor_mode": "layer_norm", "extractor_conv_bias": True, "encoder_layer_norm_first": True},
    "group_norm-first": {"encoder_layer_norm_first": True},
    "layer_norm-last": {"extractor_mode": "layer_norm"},
    "odd-kernel": {"encoder_pos_conv_kernel": 5, "encoder_pos_conv_groups": 1},
    "training-options": {"mask_prob": 0.2, "mask_channel_prob": 0.5, "feature_grad_mult": None, "encoder_dropout": 0.3},
}


def _rows() -> list[Row]:
    encoders = "espnet2.asr.encoder."
    hubert = encoders + "hubert_encoder:TorchAudioHuBERTPretrainEncoder"
    # What reads samples may stand behind the normalisation that a config names where it names none.
    rows = [
        Row("utterance_mvn-samples", "normalize", New("espnet2.layers.utterance_mvn:UtteranceMVN"), WAVEFORM, SAMPLES)
    ]
    rows += family("torchaudiohubert", "encoder", hubert, WAVEFORM, TORCHAUDIO, _TORCHAUDIO, SAMPLES)
    return rows


ROWS = _rows()
SAME_GRAPH = {
    *(f"torchaudiohubert-{name}" for name in ("group_norm-first", "layer_norm-last", "odd-kernel", "training-options")),
}
LONG = {"torchaudiohubert-default"}
REFUSED = [
    ("torchaudiohubert-default", {"extractor_mode": "batch_norm"}, "extractor_mode.*batch_norm.*group_norm"),
    ("torchaudiohubert-default", {"extractor_conv_layer_config": [[8, 10]]}, "channels, kernel and stride.*10"),
    ("torchaudiohubert-default", {"encoder_num_heads": 3}, "16.*3"),
    ("torchaudiohubert-default", {"encoder_pos_conv_groups": 3}, "16.*3 groups"),
]
