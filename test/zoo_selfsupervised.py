"""Rows of encoders that are pretrained on speech alone: wav2vec 2.0, HuBERT, BEATs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zoo_data import Array, New, Row
from zoo_fairseq_files import NAME, Dictionary, FairseqFile
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

_BEATS = {
    "encoder_layers": 2,
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 24,
    "encoder_attention_heads": 2,
    "embed_dim": 8,
    "conv_pos": 8,
    "conv_pos_groups": 2,
    "deep_norm": True,
    "relative_position_embedding": True,
    "num_buckets": 16,
    "max_distance": 40,
    "gru_rel_pos": True,
}
_PRE_NORM = {**_BEATS, "deep_norm": False, "layer_norm_first": True}
_PLAIN = {**_BEATS, "deep_norm": False, "relative_position_embedding": False, "gru_rel_pos": False}
BEATS: dict[str, dict[str, Any]] = {
    "default": {},
    "no-gate": {"beats_config": {**_BEATS, "gru_rel_pos": False}},
    "plain": {"beats_config": {**_PLAIN, "activation_fn": "relu", "conv_bias": True, "embed_dim": 16}},
    "no-positions": {"beats_config": {**_BEATS, "relative_position_embedding": False}},
    "layer_norm_first": {"beats_config": _PRE_NORM},
    "layer_norm_first-max_layer": {"beats_config": _PRE_NORM, "max_layer": 2},
    "max_layer": {"max_layer": 1},
    "max_layer-0": {"max_layer": 0},
    "weighted": {"use_weighted_representation": True},
    "weighted-2": {"use_weighted_representation": True, "max_layer": 2},
    "downsampling-2": {"downsampling_rate": 2},
    "downsampling-5": {"downsampling_rate": 5},
    "positions": {"add_positional_information": True, "max_positions": 60, "downsampling_rate": 3},
    "scale": {"fbank_mean": 10.0, "fbank_std": 3.0},
    "training-options": {
        "roll_augment": True,
        "specaug_config": {"apply_time_warp": True, "time_mask_width_range": [0, 4]},
        "beats_config": {**_BEATS, "dropout": 0.3, "encoder_layerdrop": 0.5, "finetuned_model": True},
    },
}
_SHARED_BIAS = "encoder.layers.{}.self_attn.relative_attention_bias.weight"
BEATS_SAMPLES = (9000, 5400, 3200)


def _beats() -> list[Row]:
    target = "espnet2.asr.encoder.beats_encoder:BeatsEncoder"
    base = {"input_size": 1, "beats_config": _BEATS}
    rows = family("beats", "encoder", target, WAVEFORM, BEATS, base, BEATS_SAMPLES)
    rows += family("beats", "encoder", target, WAVEFORM, {"short": {}}, base, SAMPLES)  # they are repeated
    tied = {_SHARED_BIAS.format(1): _SHARED_BIAS.format(0)}
    # In one band of one frame upstream's float32 Fourier transform is 1.8e-3 from float64's, and ours 5e-5.
    unlucky = {"beats-max_layer": 3e-5}
    return [replace(row, tied=tied, tolerance=unlucky.get(row.name, row.tolerance)) for row in rows]


# fairseq's networks, in upstream by s3prl's copies of them.
_FAIRSEQ = {
    "encoder_layers": 2,
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 24,
    "encoder_attention_heads": 2,
    "conv_feature_layers": "[(8, 10, 5)] + [(8, 3, 2)] * 2 + [(8, 2, 2)] * 2",
    "conv_pos": 8,
    "conv_pos_groups": 2,
    "final_dim": 6,
}
_NORMED = {**_FAIRSEQ, "extractor_mode": "layer_norm", "layer_norm_first": True, "conv_bias": True}
_QUANTIZED = {**_FAIRSEQ, "quantize_targets": True, "latent_vars": 4}
# name: the file, and options of the encoder
WAV2VEC2: dict[str, tuple[FairseqFile, dict[str, Any]]] = {
    "default": (FairseqFile("wav2vec2", _FAIRSEQ), {"output_size": 12}),
    "layer_norm": (FairseqFile("wav2vec2", _NORMED), {"output_size": 16, "normalize_before": True}),
    "quantized": (FairseqFile("wav2vec2", {**_QUANTIZED, "target_glu": True}, old=True), {"output_size": 16}),
    "same-size": (FairseqFile("wav2vec2", {**_FAIRSEQ, "encoder_embed_dim": 8, "final_dim": 0}), {"output_size": 8}),
}
HUBERT: dict[str, tuple[FairseqFile, dict[str, Any]]] = {
    "default": (FairseqFile("hubert", _FAIRSEQ, classes=5), {"output_size": 12}),
    "layer_norm": (FairseqFile("hubert", _NORMED, classes=7), {"output_size": 16, "normalize_before": True}),
    "training-options": (FairseqFile("hubert", _FAIRSEQ, classes=5), {"output_size": 16, "mask_prob": 0.3}),
}
_PRETRAIN = {
    "input_size": 1,
    "output_size": 16,
    "linear_units": 24,
    "attention_heads": 2,
    "num_blocks": 2,
    **{name: _FAIRSEQ[name] for name in ("conv_feature_layers", "conv_pos", "conv_pos_groups", "final_dim")},
}
PRETRAIN: dict[str, dict[str, Any]] = {
    "default": {"hubert_dict": Dictionary(5)},
    "other-dictionary": {"hubert_dict": Dictionary(9), "layer_norm_first": True, "extractor_mode": "layer_norm"},
}


def _fairseq() -> list[Row]:
    encoders = "espnet2.asr.encoder."
    rows = []
    for name, (file, options) in WAV2VEC2.items():
        base = {"input_size": 1, "w2v_url": f"https://example.org/{NAME}", "w2v_dir_path": file}
        target = encoders + "wav2vec2_encoder:FairSeqWav2Vec2Encoder"
        rows += family("wav2vec2", "encoder", target, WAVEFORM, {name: options}, base, SAMPLES)
    for name, (file, options) in HUBERT.items():
        base = {"input_size": 1, "hubert_url": f"https://example.org/{NAME}", "hubert_dir_path": file}
        target = encoders + "hubert_encoder:FairseqHubertEncoder"
        rows += family("hubert", "encoder", target, WAVEFORM, {name: options}, base, SAMPLES)
    target = encoders + "hubert_encoder:FairseqHubertPretrainEncoder"
    return rows + family("hubert_pretrain", "pretrained", target, WAVEFORM, PRETRAIN, _PRETRAIN, SAMPLES)


def _rows() -> list[Row]:
    encoders = "espnet2.asr.encoder."
    hubert = encoders + "hubert_encoder:TorchAudioHuBERTPretrainEncoder"
    # What reads samples may stand behind the normalisation that a config names where it names none.
    rows = [
        Row("utterance_mvn-samples", "normalize", New("espnet2.layers.utterance_mvn:UtteranceMVN"), WAVEFORM, SAMPLES)
    ]
    rows += family("torchaudiohubert", "encoder", hubert, WAVEFORM, TORCHAUDIO, _TORCHAUDIO, SAMPLES)
    return rows + _beats() + _fairseq()


ROWS = _rows()
SAME_GRAPH = {
    *(f"wav2vec2-{name}" for name in ("default", "quantized", "same-size")),
    *(f"hubert-{name}" for name in HUBERT),
    *(f"hubert_pretrain-{name}" for name in PRETRAIN),
    *(f"beats-{name}" for name in BEATS if name not in ("default", "weighted", "positions")),
    "beats-short",
    *(f"torchaudiohubert-{name}" for name in TORCHAUDIO if name != "default"),
}
LONG = {"beats-default", "torchaudiohubert-default"}
_ABSENT = {"w2v_dir_path": "absent"}
REFUSED = [
    ("wav2vec2-default", _ABSENT, "absent.*tiny.pt.*wav2vec_small.pt"),
    ("wav2vec2-default", {"w2v_conf": {"layer_type": "conformer"}}, "layer_type.*transformer.*conformer"),
    ("wav2vec2-default", {"w2v_conf": {"extractor_mode": "batch_norm"}}, "extractor_mode.*batch_norm.*layer_norm"),
    ("wav2vec2-default", {"w2v_conf": {"conv_feature_layers": "[(8, 10)]"}}, "conv_feature_layers.*8, 10"),
    ("wav2vec2-default", {"w2v_conf": {"conv_feature_layers": "open('x')"}}, "conv_feature_layers.*open"),
    ("wav2vec2-default", {"w2v_conf": {"encoder_layerz": 1}}, "encoder_layerz.*encoder_layers"),
    ("wav2vec2-default", {"w2v_conf": {"conv_feature_layers": []}}, "conv_feature_layers.*none"),
    ("wav2vec2-default", {"w2v_conf": {"conv_pos_groups": 5}}, "conv_pos_groups.*768.*5"),
    ("hubert-default", {"hubert_conf": {"typo": 1}}, "typo.*encoder_layers"),
    ("hubert-default", {"hubert_dir_path": "absent"}, "absent.*tiny.pt.*hubert_base_ls960.pt"),
    ("hubert_pretrain-default", {"conv_layers": 2}, "conv_layers.*conv_feature_layers"),
    ("hubert_pretrain-default", {"pos_conv_depth": 2}, "pos_conv_depth.*1.*2"),
    ("beats-default", {"is_pretraining": True}, "is_pretraining: expected false"),
    ("beats-default", {"beats_config": {**_BEATS, "layer_norm_first": True}}, "deep_norm.*layer_norm_first"),
    ("beats-default", {"beats_config": {**_BEATS, "activation_fn": "glu"}}, "activation_fn.*glu.*gelu"),
    ("beats-default", {"beats_config": {**_BEATS, "num_buckets": 2}}, "num_buckets.*2"),
    ("beats-default", {"beats_config": {**_BEATS, "input_patch_size": 8}}, "input_patch_size.*16.*8"),
    ("beats-default", {"beats_config": {"typo": 1}}, "beats_config.*typo.*encoder_layers"),
    ("beats-default", {"max_layer": 3}, "max_layer.*2.*3"),
    ("beats-default", {"adapter_config": "adapter.json"}, "adapter_config.*adapter.json"),
    ("beats-default", {"add_positional_information": True}, "max_positions"),
    ("torchaudiohubert-default", {"extractor_mode": "batch_norm"}, "extractor_mode.*batch_norm.*group_norm"),
    ("torchaudiohubert-default", {"extractor_conv_layer_config": [[8, 10]]}, "extractor_conv_layer_config: .*10"),
    ("torchaudiohubert-default", {"encoder_num_heads": 3}, "16.*3"),
    ("torchaudiohubert-default", {"encoder_pos_conv_groups": 3}, "encoder_pos_conv_groups: .*16.*3"),
]
