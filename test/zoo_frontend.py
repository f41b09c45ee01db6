"""Rows of front ends and pre-encoders, but for those that hold a pretrained network."""

from __future__ import annotations

import dataclasses
from typing import Any

from zoo_data import Array, New, Row
from zoo_rows import FEATURES, FRAMES, MODEL, SAMPLES, SPEECH, family

FRONTEND, PREENCODER = "espnet2.asr.frontend.", "espnet2.asr.preencoder."
STEREO = (Array("speech", ("n", 2)),)
WINDOWS = (Array("xs", ("n", 1, 400)),)

_SMALL = {"n_fft": 256, "hop_length": 64, "n_mels": FEATURES}
STEREO_FRONTENDS: dict[str, dict[str, Any]] = {"channels": {}}
ARRAY = (Array("speech", ("n", 3)),)
_MASKS = {"wlayers": 1, "wunits": 6, "wprojs": 7, "blayers": 2, "bunits": 5, "bprojs": 8, "badim": 9}
_WPE, _BEAMFORMER = {**_MASKS, "use_wpe": True}, {**_MASKS, "use_beamformer": True}
ENHANCED: dict[str, dict[str, Any]] = {
    "beamformer": _BEAMFORMER,
    "beamformer-reference": {**_BEAMFORMER, "ref_channel": 1, "btype": "blstm", "bdropout_rate": 0.1},
    "wpe": _WPE,
    "wpe-gru": {**_WPE, "wtype": "bgrup", "taps": 2, "delay": 1, "wdropout_rate": 0.1},
    "wpe-plain": {**_WPE, "use_dnn_mask_for_wpe": False},
    "wpe-beamformer": {**_BEAMFORMER, "use_wpe": True, "taps": 2},
}
SLIDING_WINDOWS: dict[str, dict[str, Any]] = {
    "default": {},
    "short": {"win_length": 40, "hop_length": 16},
    "wide-hop": {"win_length": 40, "hop_length": 50},
    "padding": {"win_length": 40, "hop_length": 16, "padding": 3, "fs": 16000},
}
_FIRST = {"frontend_type": "default", **_SMALL}
_FUSED = [_FIRST, {**_FIRST, "hop_length": 128, "n_fft": 512, "n_mels": 12}]
FUSED: dict[str, dict[str, Any]] = {
    "two-hops": {"frontends": _FUSED},
    "one": {"frontends": _FUSED[:1]},
    "three": {"frontends": [*_FUSED, {**_FIRST, "hop_length": 192, "htk": True, "fmin": 80, "fmax": 4000}]},
    "uncentred": {"frontends": [{**_FIRST, "center": False}, _FIRST]},
    "fs8000": {"frontends": [{**_FIRST, "fs": 16000, "window": "hamming", "win_length": 200}, _FIRST], "fs": 8000},
}
FUSED_STEREO: dict[str, dict[str, Any]] = {"channels": {"frontends": _FUSED}}
_CNN = {
    "norm_mode": "layer_norm",
    "conv_mode": "standard",
    "bias": True,
    "shapes": [[MODEL, 10, 5], [MODEL, 3, 2], [12, 2, 2]],
}
_GROUP, _DEPTH = {"norm_mode": "group_norm"}, {"conv_mode": "depth_only", "shapes": [[8, 10, 5], [8, 3, 2], [16, 2, 2]]}
CNNS: dict[str, dict[str, Any]] = {
    "layer_norm": {},
    "group_norm": _GROUP,
    "no-bias": {**_GROUP, "bias": False},
    "dim1": {"layer_norm_cls": "dim1"},
    "depth_only": _DEPTH,
    "depth_only-group_norm": {**_DEPTH, **_GROUP},
    "normalize_audio": {"normalize_audio": True},
    "normalize_output": {"normalize_output": True},
    "group_norm-normalize": {**_GROUP, "normalize_audio": True, "normalize_output": True},
    "default-shapes": {"shapes": [[MODEL, 10, 5], *[[MODEL, 3, 2]] * 4, *[[MODEL, 2, 2]] * 2], "fs": "16k"},
}
MEL_SPECTROGRAMS: dict[str, dict[str, Any]] = {
    "default": {},
    "log": {"log": True, "normalize": "mn"},
    "hann": {"window_fn": "hann", "log": True, "hop_length": 128, "n_fft": 400, "f_min": 100},
    "slaney": {"preemp": False, "mel_scale": "slaney", "log": True},
}
ASTEROIDS: dict[str, dict[str, Any]] = {
    "default": {"sinc_kernel_size": 31, "log_term": 1e-2},
    "even-kernel": {"sinc_kernel_size": 64, "sinc_stride": 40, "preemph_coef": 0.9, "log_term": 1e-3},
}
LINEARS: dict[str, dict[str, Any]] = {"default": {}, "dropout": {"dropout": 0.2}}
SINCS: dict[str, dict[str, Any]] = {
    "default": {},
    "relu": {"activation_type": "relu"},
    "spatial": {"dropout_type": "spatial"},
    "dropout2d": {"dropout_type": "dropout2d"},
    "no-window": {"windowing_type": "none"},
    "bark": {"scale_type": "bark", "fs": "8k"},
    "out_channels": {"out_channels": 256},
}
SINC_CONVS: dict[str, dict[str, Any]] = {
    "default": {"in_channels": 1, "out_channels": 6, "kernel_size": 31},
    "two-channels": {"in_channels": 2, "out_channels": 6, "kernel_size": 31, "window_func": "none"},
    "strided": {"in_channels": 1, "out_channels": 6, "kernel_size": 11, "stride": 3, "padding": 5, "dilation": 2},
}


def _frontends() -> list[Row]:
    rows = family(
        "frontend", "frontend", FRONTEND + "default:DefaultFrontend", STEREO, STEREO_FRONTENDS, _SMALL, SAMPLES
    )
    spectrum = New(FRONTEND + "default:DefaultFrontend", {**_SMALL, "apply_stft": False})
    rows.append(Row("frontend-no-stft-channels", "frontend", spectrum, (Array("speech", ("n", 2, 129, 2)),), (43, 29)))
    for name, conf in ENHANCED.items():
        options = {"n_fft": 64, "hop_length": 32, "n_mels": 10, "frontend_conf": conf}
        make = New(FRONTEND + "default:DefaultFrontend", options)
        rows.append(Row(f"frontend-{name}", "frontend", make, ARRAY, SAMPLES, tolerance=1e-3))
    sliding = FRONTEND + "windowing:SlidingWindow"
    rows += family("sliding_window", "frontend", sliding, SPEECH, SLIDING_WINDOWS, {}, SAMPLES)
    two = {"channels": {"win_length": 40, "hop_length": 16, "channels": 2}}
    rows += family("sliding_window", "frontend", sliding, STEREO, two, {}, SAMPLES)
    rows += family("fused", "frontend", FRONTEND + "fused:FusedFrontends", SPEECH, FUSED, {"proj_dim": 8}, SAMPLES)
    rows += family(
        "fused", "frontend", FRONTEND + "fused:FusedFrontends", STEREO, FUSED_STEREO, {"proj_dim": 8}, SAMPLES
    )
    rows += family("wav2vec_cnn", "frontend", FRONTEND + "cnn:CNNFrontend", SPEECH, CNNS, _CNN, SAMPLES)
    mel = FRONTEND + "melspec_torch:MelSpectrogramTorch"
    rows += family("melspec_torch", "frontend", mel, SPEECH, MEL_SPECTROGRAMS, {"n_mels": FEATURES}, SAMPLES)
    asteroid = FRONTEND + "asteroid_frontend:AsteroidFrontend"
    learned = family("asteroid_frontend", "frontend", asteroid, SPEECH, ASTEROIDS, {"sinc_filters": 8}, SAMPLES)
    # Logarithms of magnitudes near zero.
    rows += [dataclasses.replace(row, tolerance=5e-4) for row in learned]
    return [dataclasses.replace(row, keep=5) if row.name.startswith("sliding") else row for row in rows]


def _preencoders() -> list[Row]:
    sizes = {"input_size": FEATURES, "output_size": MODEL}
    rows = family("linear_projection", "preencoder", PREENCODER + "linear:LinearProjection", FRAMES, LINEARS, sizes)
    # Of the same module, checkpoints hold the filters twice.
    tied = {"blocks.SincConvBlock.Filters.f": "filters.f"}
    for name, options in SINCS.items():
        make = New(PREENCODER + "sinc:LightweightSincConvs", {"out_channels": 128, **options})
        rows.append(Row(f"sinc-{name}", "preencoder", make, WINDOWS, (9, 5, 3), tied=tied))
    return rows


def _sinc_convs() -> list[Row]:
    rows = []
    for name, options in SINC_CONVS.items():
        xs = (Array("xs", (options["in_channels"], "n")),)
        rows.append(Row(f"sinc_conv-{name}", "layer", New("espnet2.layers.sinc_conv:SincConv", options), xs, (80,)))
    compression = New("espnet2.layers.sinc_conv:LogCompression")
    return [*rows, Row("log_compression", "layer", compression, (Array("xs", ("n", MODEL)),), (43,))]


ROWS = [*_frontends(), *_preencoders(), *_sinc_convs()]
SAME_GRAPH = {
    *(f"frontend-{name}" for name in ENHANCED if name != "wpe-beamformer"),
    *(f"sliding_window-{name}" for name in ("short", "wide-hop", "padding")),
    *(f"fused-{name}" for name in ("one", "three", "fs8000")),
    *(f"wav2vec_cnn-{name}" for name in ("dim1", "no-bias", "depth_only-group_norm", "normalize_audio")),
    *(f"wav2vec_cnn-{name}" for name in ("normalize_output", "default-shapes")),
    *(f"sinc-{name}" for name in SINCS if name != "default"),
    "linear_projection-dropout",
    *(f"melspec_torch-{name}" for name in ("default", "hann", "slaney")),
    "asteroid_frontend-even-kernel",
}
# Graphs of log-mel features read one channel.
NO_GRAPH = {"frontend-channels", "fused-channels", "frontend-no-stft-channels"}
_SHAPES = [[8, 10, 5], [12, 3, 2]]
REFUSED = [
    ("sliding_window-default", {"win_length": 0}, "win_length.*positive.*0"),
    ("sliding_window-default", {"channels": 0}, "channels.*positive.*0"),
    ("fused-two-hops", {"align_method": "repeat"}, "align_method.*repeat.*linear_projection"),
    ("fused-two-hops", {"frontends": []}, "frontends.*at least one"),
    ("fused-two-hops", {"frontends": [{"n_mels": 3}]}, "frontend_type.*None.*default"),
    ("fused-two-hops", {"frontends": [{**_FIRST, "n_mel": 3}]}, "frontends.*n_mel.*n_mels"),
    ("fused-two-hops", {"frontends": [{**_FIRST, "apply_stft": False}]}, "apply_stft"),
    ("fused-two-hops", {"frontends": [_FIRST, {**_FIRST, "hop_length": 96}]}, "hop_length.*64.*96"),
    ("fused-two-hops", {"proj_dim": 0}, "proj_dim.*positive.*0"),
    ("wav2vec_cnn-layer_norm", {"norm_mode": "batch_norm"}, "norm_mode.*batch_norm.*layer_norm, group_norm"),
    ("wav2vec_cnn-layer_norm", {"conv_mode": "depth_sep"}, "conv_mode.*depth_sep.*standard, depth_only"),
    ("wav2vec_cnn-layer_norm", {"shapes": []}, "shapes.*at least one"),
    ("wav2vec_cnn-layer_norm", {"shapes": [[8, 10]]}, r"shapes.*\[8, 10\]"),
    ("wav2vec_cnn-layer_norm", {"shapes": _SHAPES, "conv_mode": "depth_only"}, "shapes.*multiples.*8.*12"),
    ("melspec_torch-log", {"window_fn": "kaiser"}, "window_fn.*kaiser.*hamming, hann"),
    ("melspec_torch-log", {"mel_scale": "bark"}, "mel_scale.*bark.*htk, slaney"),
    ("melspec_torch-log", {"normalize": "mvn"}, "normalize.*mvn.*mn"),
    ("melspec_torch-log", {"n_mels": 0}, "n_mels.*positive.*0"),
    ("asteroid_frontend-default", {"sinc_filters": 7}, "sinc_filters.*even.*7"),
    ("asteroid_frontend-default", {"sinc_stride": 0}, "sinc_stride.*positive.*0"),
    ("fused-two-hops", {"fs": "fast"}, "fs.*fast"),
    ("linear_projection-default", {"output_size": 0}, "output_size.*positive.*0"),
    ("linear_projection-default", {"dropout": 2.0}, "dropout.*2"),
    ("sinc-default", {"out_channels": 100}, "out_channels.*128.*100"),
    ("sinc-default", {"activation_type": "swish"}, "activation_type.*swish.*leakyrelu, relu"),
    ("sinc-default", {"dropout_type": "zoneout"}, "dropout_type.*zoneout.*spatial"),
    ("sinc-default", {"windowing_type": "hann"}, "window.*hann.*hamming, none"),
    ("sinc-default", {"scale_type": "erb"}, "scale_type.*erb.*mel, bark"),
    ("sinc-default", {"fs": "fast"}, "fs.*fast"),
    ("sinc-default", {"fs": -1.0}, "fs.*positive"),
    ("sinc-default", {"in_channels": 3}, "in_channels 3.*128"),
]
UNAVAILABLE = [
    (FRONTEND + "s3prl:S3prlFrontend", {"frontend_conf": {"upstream": "hubert_base"}}, "s3prl.*hubert_base.*upstream"),
    (FRONTEND + "espnet_ssl:ESPnetSSLFrontend", {}, "espnet_ssl.*pip install espnet"),
    ("espnet2.asr.encoder.avhubert_encoder:FairseqAVHubertEncoder", {}, "avhubert.*pip install fairseq"),
]
