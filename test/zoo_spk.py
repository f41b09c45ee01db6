"""Rows of speaker models: encoders, poolings, projectors, losses, and whole models, which alone are graphs."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_rows import FEATURES, FRAMES, HIDDEN, MODEL, SAMPLES, SPEECH, family

_SPK, _FRONTEND = "espnet2.spk.", "espnet2.asr.frontend."
SPEAKERS, EMBEDDING = 7, 8
_TDNN = {"ndim": 16, "model_scale": 4, "output_size": 24}
_STACK: dict[str, Any] = {"output_size": MODEL, "attention_heads": 2, "linear_units": 8, "num_blocks": 2}
# Options that upstream has from 202609 on; .oracle611 makes their goldens.
_RECENT: dict[str, dict[str, Any]] = {"four-blocks": {"num_blocks": 4}, "dilations": {"dilations": [1, 3, 2]}}
# Name of a class -> its path, options of all rows, and those of each.
ENCODERS: dict[str, tuple[str, dict[str, Any], dict[str, dict[str, Any]]]] = {
    "rawnet3": ("rawnet3_encoder:RawNet3Encoder", _TDNN, {"default": {}, "two-scales": {"model_scale": 2, "ndim": 9}}),
    "ecapa_tdnn": (
        "ecapa_tdnn_encoder:EcapaTdnnEncoder",
        _TDNN,
        {"default": {}, "eight": {"model_scale": 8}, **_RECENT},
    ),
    "ska_tdnn": ("ska_tdnn_encoder:SkaTdnnEncoder", {**_TDNN, "ska_dim": 8, "model_scale": 2}, {"default": {}}),
    "xvector": (
        "xvector_encoder:XvectorEncoder",
        {"ndim": 16, "output_size": 24},
        {
            "default": {},
            "wide": {"kernel_sizes": [3, 3, 1, 3, 1], "paddings": [2, 0, 1, 1, 0], "dilations": [2, 3, 1, 1, 1]},
        },
    ),
    "resnet": (
        "resnet_encoder:ResNetEncoder",
        {"m_channels": 2},
        {
            "default": {"num_blocks": (1, 1, 1, 2)},
            "resnet34": {"resnet_type": "resnet34"},
            "resnet50": {"resnet_type": "resnet50"},
        },
    ),
    "identity": ("identity_encoder:IdentityEncoder", {}, {"default": {}}),
    "mfaconformer": (
        "conformer_encoder:MfaConformerEncoder",
        _STACK,
        {
            "default": {"cnn_module_kernel": 7},
            "latest": {"rel_pos_type": "latest", "macaron_style": True, "cnn_module_kernel": 5},
            "plain": {"normalize_before": False, "use_cnn_module": False, "input_layer": "conv2d"},
        },
    ),
}
POOLINGS = {
    "chn_attn_stat": "chn_attn_stat_pooling:ChnAttnStatPooling",
    "mean": "mean_pooling:MeanPooling",
    "stats": "stat_pooling:StatsPooling",
}
PROJECTORS = {
    "rawnet3": "rawnet3_projector:RawNet3Projector",
    "ska_tdnn": "ska_tdnn_projector:SkaTdnnProjector",
    "xvector": "xvector_projector:XvectorProjector",
}
LOSSES: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "aamsoftmax": (
        "aamsoftmax:AAMSoftmax",
        {"default": {}, "easy": {"easy_margin": True, "margin": 0.5, "scale": 30}, "wide": {"margin": 2.0}},
    ),
    "aamsoftmax_sc_topk": (
        "aamsoftmax_subcenter_intertopk:ArcMarginProduct_intertopk_subcenter",
        {
            "default": {},
            "easy": {"easy_margin": True, "K": 2, "k_top": 3},
            "wide": {"margin": 2.0, "mp": 0.3, "k_top": 2},
            "large-margin": {"do_lm": True, "margin": 0.5},
        },
    ),
    "softmax": ("softmax:Softmax", {"default": {}}),
}
_LOG_MEL = New(_FRONTEND + "default:DefaultFrontend", {"n_fft": 256, "hop_length": 64, "n_mels": FEATURES})
_LEARNED = New(_FRONTEND + "asteroid_frontend:AsteroidFrontend", {"sinc_filters": FEATURES, "sinc_kernel_size": 31})
_MEL = New(_FRONTEND + "melspec_torch:MelSpectrogramTorch", {"log": True, "normalize": "mn", "n_mels": FEATURES})
_MVN = New("espnet2.layers.utterance_mvn:UtteranceMVN", {"norm_vars": True})
# Name of an encoder -> what stands around it: front end, normalisation, pooling, projector.
MODELS: dict[str, tuple[New | None, New | None, str, str | None]] = {
    "rawnet3": (_LEARNED, None, "chn_attn_stat", "rawnet3"),
    "ecapa_tdnn": (_MEL, None, "chn_attn_stat", "ska_tdnn"),
    "ska_tdnn": (_LOG_MEL, _MVN, "chn_attn_stat", "ska_tdnn"),
    "xvector": (_LOG_MEL, None, "stats", "xvector"),
    "resnet": (_LOG_MEL, _MVN, "stats", "rawnet3"),
    "identity": (None, None, "mean", None),
    "mfaconformer": (_LOG_MEL, None, "chn_attn_stat", "rawnet3"),
}


def _pool(name: str, size: int) -> tuple[New, int]:
    """A pooling of frames of this size, and the size of what it gives."""
    return New(f"{_SPK}pooling.{POOLINGS[name]}", {"input_size": size}), size if name == "mean" else 2 * size


def _encoders() -> list[Row]:
    rows = []
    for name, (path, base, options) in ENCODERS.items():
        make = {"input_size": FEATURES, **base}
        rows += family(f"spk-{name}", "speaker_encoder", f"{_SPK}encoder.{path}", FRAMES, options, make)
    return rows


def _heads() -> list[Row]:
    rows = [Row(f"spk-pool-{name}", "pooling", _pool(name, MODEL)[0], HIDDEN, (43, 29, 1)) for name in POOLINGS]
    vector = (Array("xs", (EMBEDDING,)),)
    for name, path in PROJECTORS.items():
        make = New(f"{_SPK}projector.{path}", {"input_size": EMBEDDING, "output_size": 5})
        rows.append(Row(f"spk-projector-{name}", "projector", make, vector, (1, 1)))
    labelled = (*vector, Array("label", (1,), below=SPEAKERS))
    sizes = {"nout": EMBEDDING, "nclasses": SPEAKERS}
    for name, (path, options) in LOSSES.items():
        rows += family(f"spk-{name}", "speaker_loss", f"{_SPK}loss.{path}", labelled, options, sizes, (1,) * 6)
    return rows


_SIZES = {"mfaconformer": 32, "identity": FEATURES, "resnet": 16 * 3}  # of frames; 24 for the others


def _models() -> list[Row]:
    rows = []
    for name, (frontend, normalize, pooling, projector) in MODELS.items():
        path, base, options = ENCODERS[name]
        first = {"input_size": FEATURES, **base, **options["default"]}
        pool, size = _pool(pooling, _SIZES.get(name, 24))
        project = {"input_size": size, "output_size": EMBEDDING}
        embedding = size if projector is None else EMBEDDING
        make = {
            "frontend": frontend,
            "specaug": None,
            "normalize": normalize,
            "encoder": New(f"{_SPK}encoder.{path}", first),
            "pooling": pool,
            "projector": projector and New(f"{_SPK}projector.{PROJECTORS[projector]}", project),
            "loss": New(f"{_SPK}loss.softmax:Softmax", {"nout": embedding, "nclasses": SPEAKERS}),
        }
        inputs, lengths = (SPEECH, SAMPLES) if frontend else ((Array("speech", ("n", FEATURES)),), (43, 29, 17))
        model = New(_SPK + "espnet_model:ESPnetSpeakerModel", make)
        # Logarithms of magnitudes near zero, in the learned front end.
        tolerance = 5e-4 if frontend is _LEARNED else 2e-5
        rows.append(Row(f"spk-model-{name}", "speaker_model", model, inputs, lengths, tolerance))
    return rows


_KEYS: dict[str, Any] = {
    "frontend": "default",
    "frontend_conf": {"n_fft": 64, "hop_length": 32, "n_mels": 8},
    "encoder": "xvector",
    "encoder_conf": {"ndim": 6, "output_size": 8},
    "pooling": "stats",
    "pooling_conf": {},
    "projector": "xvector",
    "projector_conf": {"output_size": 5},
    "loss": "softmax",
    "loss_conf": {},
    "spk_num": SPEAKERS,
}
TASK = Config("espnet2.tasks.spk:SpeakerTask", _KEYS)

ROWS = [*_encoders(), *_heads(), *_models(), Row("spk-task", "speaker_model", TASK, SPEECH, SAMPLES)]
SAME_GRAPH = {"spk-task", "spk-model-xvector"}  # the round trip exports it
ROUND_TRIP = {"spk": TASK}
REFUSED = [
    ("spk-rawnet3-default", {"block": "EcapaBlock"}, "block.*EcapaBlock.*Bottle2neck"),
    ("spk-rawnet3-default", {"ndim": 0}, "ndim.*positive.*0"),
    ("spk-ecapa_tdnn-default", {"block": "Bottle2neck"}, "block.*Bottle2neck.*EcapaBlock"),
    ("spk-ecapa_tdnn-default", {"num_blocks": 2}, "num_blocks.*at least 3.*2 blocks"),
    ("spk-ecapa_tdnn-default", {"num_blocks": 4, "dilations": [2, 3, 4]}, r"dilations.*4 blocks.*\[2, 3, 4\]"),
    ("spk-ska_tdnn-default", {"skablock": "BasicBlock"}, "skablock.*BasicBlock.*ResBlock"),
    ("spk-ska_tdnn-default", {"input_size": 22}, "input_size.*multiple of 4.*22"),
    ("spk-xvector-default", {"dilations": [1, 2]}, "dilations.*as many.*5, 5 and 2"),
    ("spk-resnet-default", {"resnet_type": "ResNet34"}, "resnet_type.*ResNet34.*resnet18, resnet34"),
    ("spk-mfaconformer-default", {"input_layer": "linear"}, "input_layer.*linear.*conv2d"),
]
