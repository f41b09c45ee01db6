"""Rows of JETS."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row
from zoo_tts import LANGUAGE, MODEL, SPEAKER, STFT, TEXT, VOICE, F, V
from zoo_tts_gst import OF_MODELS, REFERENCE

HOP = 12  # samples for each frame
GENERATOR: dict[str, Any] = {
    "adim": 16,
    "aheads": 2,
    "elayers": 1,
    "eunits": 24,
    "dlayers": 1,
    "dunits": 24,
    "positionwise_conv_kernel_size": 3,
    "duration_predictor_chans": 12,
    "pitch_predictor_chans": 12,
    "energy_predictor_chans": 12,
    "conformer_dec_kernel_size": 7,
    "segment_size": 8,
    "generator_channels": 16,
    "generator_upsample_scales": [4, 3],
    "generator_upsample_kernel_sizes": [8, 6],
    "generator_resblock_kernel_sizes": [3, 5],
    "generator_resblock_dilations": [[1, 3], [1, 2]],
}
DISCRIMINATOR: dict[str, Any] = {
    "scales": 1,
    "scale_discriminator_params": {"channels": 8, "max_downsample_channels": 16, "max_groups": 4},
    "follow_official_norm": False,
    "periods": [2, 3],
    "period_discriminator_params": {"channels": 4, "max_downsample_channels": 8},
}
BANDS: dict[str, Any] = {"fs": 8000, "n_fft": 64, "hop_length": HOP, "n_mels": F, "log_base": None}
CONFORMER = {"encoder_type": "conformer", "decoder_type": "conformer"}
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "conformer": ({**CONFORMER, "conformer_rel_pos_type": "latest"}, ()),
    "conformer-legacy": (CONFORMER, ()),
    "kernels": (
        {
            "pitch_embed_kernel_size": 1,
            "energy_embed_kernel_size": 1,
            "pitch_predictor_layers": 5,
            "pitch_predictor_kernel_size": 5,
            "stop_gradient_from_pitch_predictor": True,
            "elayers": 2,
            "dlayers": 2,
            "use_scaled_pos_enc": False,
        },
        (),
    ),
    "speakers": ({"spks": 3, "langs": 4, "spk_embed_dim": 5}, (SPEAKER, LANGUAGE, VOICE)),
    "voice-concat": ({"spk_embed_dim": 5, "spk_embed_integration_type": "concat"}, (VOICE,)),
    "style": ({"spks": 3, **OF_MODELS}, (SPEAKER, REFERENCE)),
}
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "weighted": {
        "generator_params": {**GENERATOR, "use_weighted_masking": True, "stop_gradient_from_energy_predictor": True},
        "lambda_adv": 0.5,
        "lambda_mel": 2.0,
        "lambda_feat_match": 3.0,
        "lambda_var": 1.5,
        "lambda_align": 0.7,
        "generator_adv_loss_params": {"loss_type": "hinge"},
        "discriminator_adv_loss_params": {"loss_type": "hinge", "average_by_discriminators": True},
        "feat_match_loss_params": {"average_by_layers": True},
        "mel_loss_params": {**BANDS, "log_base": 10.0},
    },
    "style": {"generator_params": {**GENERATOR, **OF_MODELS}},
    "scale": {
        "discriminator_type": "hifigan_multi_scale_discriminator",
        "discriminator_params": {"scales": 2, "discriminator_params": DISCRIMINATOR["scale_discriminator_params"]},
    },
}
FRAMES = 24
SPEECH = (
    Array("feats", (FRAMES, F)),
    Array("pitch", (FRAMES, 1)),
    Array("energy", (FRAMES, 1)),
    Array("speech", (FRAMES * HOP,)),
)
# Long enough that a rounding difference cannot change one.
DURATIONS = {"generator.duration_predictor.linear.bias": 1.5}
LENGTHS = (9, 5, 1)
OF_TRAINING = {"generator_params": GENERATOR, "discriminator_params": DISCRIMINATOR, "mel_loss_params": BANDS}
OF_FRAMES: dict[str, Any] = {"use_token_averaged_f0": False}
WHOLE = Config(
    "espnet2.tasks.tts:TTSTask",
    {
        **MODEL,
        "tts": "jets",
        "tts_conf": {**OF_TRAINING, "sampling_rate": 8000},
        "pitch_extract_conf": {**MODEL["pitch_extract_conf"], **OF_FRAMES},
    },
)
RECORDING = Array("speech", (FRAMES * STFT["hop_length"],))
OF_HOP = {**GENERATOR, "generator_upsample_scales": [8, 8], "generator_upsample_kernel_sizes": [16, 16]}
OF_SAMPLES = {"fs": 8000, **STFT, "reduction_factor": 1}
TRAINED = Config(
    "espnet2.tasks.gan_tts:GANTTSTask",
    {
        **WHOLE.keys,
        "pitch_extract_conf": {**OF_SAMPLES, "f0min": 60, "use_token_averaged_f0": False},
        "energy_extract_conf": {**OF_SAMPLES, "use_token_averaged_energy": False},
        "tts_conf": {**WHOLE.keys["tts_conf"], "generator_params": OF_HOP},
    },
)


def _make(**options: Any) -> New:
    given = {"idim": V, "odim": F, "sampling_rate": 8000, "generator_params": GENERATOR}
    adversary = {"discriminator_params": DISCRIMINATOR, "mel_loss_params": BANDS}
    return New("espnet2.gan_tts.jets.jets:JETS", {**given, **adversary, **options})


def _rows() -> list[Row]:
    rows = []
    for name, (options, conditions) in OPTIONS.items():
        make = _make(generator_params={**GENERATOR, **options})
        rows.append(Row(f"jets-{name}", "jets", make, (TEXT, *conditions), LENGTHS, 1e-4, fixed=DURATIONS))
    for name in ("default", "speakers"):
        make = _make(generator_params={**GENERATOR, **OPTIONS[name][0]})
        rows.append(Row(f"jets-forced-{name}", "jets_forced", make, (TEXT, *SPEECH, *OPTIONS[name][1]), LENGTHS, 1e-4))
    for name, losses in LOSSES.items():
        rows.append(Row(f"jets-losses-{name}", "gan_tts_losses", _make(**losses), (TEXT, *SPEECH), LENGTHS, 5e-4))
    fixed = {f"tts.{key}": value for key, value in DURATIONS.items()}
    rows.append(Row("gan-tts-model-jets", "gan_tts_model", TRAINED, (TEXT, RECORDING), LENGTHS, 5e-4))
    rows.append(Row("tts-model-jets", "tts_model", WHOLE, (TEXT,), LENGTHS, 1e-4, fixed=fixed))
    return rows


ROWS = _rows()
SAME_GRAPH = {f"jets-{name}" for name in OPTIONS} - {"jets-default"}
REFUSED = [
    ("jets-default", {"generator_type": "vits_generator"}, "generator_type.*vits_generator.*jets_generator"),
    ("jets-default", {"discriminator_type": "judge"}, "discriminator_type.*judge.*hifigan_period_discriminator"),
    ("jets-default", {"generator_params": {**GENERATOR, "reduction_factor": 2}}, "reduction_factor.*1.*2"),
    ("jets-default", {"generator_params": {**GENERATOR, "generator_layers": 2}}, "layers"),
    (
        "jets-default",
        {"generator_params": {**GENERATOR, "use_masking": True, "use_weighted_masking": True}},
        "use_masking.*use_weighted_masking",
    ),
]
