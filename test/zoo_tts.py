"""Rows of speech synthesis: FastSpeech 2, features of speech, and vocoders."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row, Stats

V, F = 11, 8  # tokens, features
LENGTHS = (9, 5, 2)  # tokens of the three texts
SHORTER = (8, 4, 2)  # where rounding errors add up
TEXT = Array("text", ("n",), below=V)
SPEAKER = Array("sids", (1,), below=3)
LANGUAGE = Array("lids", (1,), below=4)
VOICE = Array("spembs", (5,))
FASTSPEECH2 = {
    "idim": V,
    "odim": F,
    "adim": 16,
    "aheads": 2,
    "elayers": 1,
    "eunits": 24,
    "dlayers": 1,
    "dunits": 24,
    "positionwise_conv_kernel_size": 3,
    "postnet_layers": 2,
    "postnet_chans": 12,
    "duration_predictor_chans": 12,
    "pitch_predictor_chans": 12,
    "energy_predictor_chans": 12,
    "conformer_dec_kernel_size": 7,
}
CONFORMER = {"encoder_type": "conformer", "decoder_type": "conformer"}
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "two-layers": ({"elayers": 2, "dlayers": 2, "postnet_layers": 5, "pitch_predictor_layers": 5}, ()),
    "positions": ({"use_scaled_pos_enc": False, "positionwise_layer_type": "conv1d-linear"}, ()),
    "linear": ({"positionwise_layer_type": "linear", "duration_predictor_layers": 3}, ()),
    "normalize-after": (
        {
            "encoder_normalize_before": False,
            "decoder_normalize_before": False,
            "encoder_concat_after": True,
            "decoder_concat_after": True,
        },
        (),
    ),
    "no-postnet": ({"postnet_layers": 0, "pitch_embed_kernel_size": 1, "energy_embed_kernel_size": 3}, ()),
    "no-batch-norm": ({"use_batch_norm": False, "postnet_filts": 3}, ()),
    "reduction": ({"reduction_factor": 2, "energy_predictor_kernel_size": 5}, ()),
    "conformer-legacy": (CONFORMER, ()),
    "conformer": ({**CONFORMER, "conformer_rel_pos_type": "latest"}, ()),
    "conformer-zero_triu": ({**CONFORMER, "conformer_rel_pos_type": "latest", "zero_triu": True}, ()),
    "conformer-plain": (
        {
            **CONFORMER,
            "conformer_pos_enc_layer_type": "scaled_abs_pos",
            "conformer_self_attn_layer_type": "selfattn",
            "use_macaron_style_in_conformer": False,
            "use_cnn_in_conformer": False,
            "conformer_activation_type": "relu",
        },
        (),
    ),
    "conformer-decoder": ({"decoder_type": "conformer", "conformer_rel_pos_type": "latest"}, ()),
    "speakers": ({"spks": 3, "langs": 4}, (SPEAKER, LANGUAGE)),
    "voice-add": ({"spk_embed_dim": 5}, (VOICE,)),
    "voice-concat": ({"spk_embed_dim": 5, "spk_embed_integration_type": "concat"}, (VOICE,)),
    "everything-given": (
        {"spks": 3, "langs": 4, "spk_embed_dim": 5, "reduction_factor": 2},
        (SPEAKER, LANGUAGE, VOICE),
    ),
    "training-options": (
        {
            "stop_gradient_from_pitch_predictor": True,
            "stop_gradient_from_energy_predictor": True,
            "use_masking": True,
            "init_type": "kaiming_normal",
            "init_enc_alpha": 0.5,
            "init_dec_alpha": 0.5,
            "transformer_enc_dropout_rate": 0.3,
            "postnet_dropout_rate": 0.1,
        },
        (),
    ),
}
# Long enough that a rounding difference cannot change one.
DURATIONS = {"duration_predictor.linear.bias": 1.5}


FEATS = Array("feats", (40, F))  # as long as the longest text may last
OF_TOKENS = (Array("pitch", (max(LENGTHS) + 1, 1)), Array("energy", (max(LENGTHS) + 1, 1)))
LOSSES: dict[str, dict[str, Any]] = {
    "default": {},
    "masking": {"use_masking": True},
    "weighted": {"use_weighted_masking": True},
    "reduction": {"reduction_factor": 2, "postnet_layers": 0, "use_masking": True},
}
SPEECH, SAMPLES = (Array("speech", ("n",)),), (2600, 1801, 900)
STFT = {"n_fft": 256, "hop_length": 64}
EXTRACTORS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "fbank": ("log_mel_fbank:LogMelFbank", "speech_features", {"fs": 8000, "n_mels": 20, "fmin": 40, "fmax": 4000}),
    "fbank-options": (
        "log_mel_fbank:LogMelFbank",
        "speech_features",
        {"fs": "8k", "n_mels": 10, "fmin": None, "fmax": None, "win_length": 200, "htk": True, "log_base": None},
    ),
    "spectrogram": ("log_spectrogram:LogSpectrogram", "speech_features", {"n_fft": 64, "win_length": 32}),
    "linear_spectrogram": ("linear_spectrogram:LinearSpectrogram", "speech_features", {"n_fft": 64}),
    "energy": ("energy:Energy", "speech_features", {"reduction_factor": 1, "use_token_averaged_energy": False}),
    "energy-tokens": ("energy:Energy", "token_means", {"reduction_factor": 1}),
}
MEL, VECTOR = Array("feats", ("n", F)), Array("g", (4, 1))
HIFIGAN = {
    "in_channels": F,
    "channels": 16,
    "upsample_scales": [4, 3],
    "upsample_kernel_sizes": [8, 6],
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilations": [[1, 3], [1, 2]],
}
VOCODERS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "plain": ({"use_weight_norm": False, "use_additional_convs": False, "bias": False, "kernel_size": 5}, ()),
    "global": ({"global_channels": 4, "nonlinear_activation_params": {"negative_slope": 0.2}}, (VECTOR,)),
    "relu": ({"nonlinear_activation": "ReLU", "nonlinear_activation_params": {}}, ()),
}
# Of the package parallel_wavegan.
_OF_UNITS = "espnet2.gan_tts.hifigan.discrete_symbol:DiscreteSymbolHiFiGAN"
UNITS = Array("feats", ("n", 1), below=7)
UNIT_HIFIGAN = {**HIFIGAN, "num_embs": 7, "num_spk_embs": 0, "upsample_kernel_sizes": [9, 6]}


SMALL = {name: value for name, value in FASTSPEECH2.items() if name not in ("idim", "odim")}
TOKENS = ["<blank>", "<unk>", "<space>", *"abcdefg", "<sos/eos>"]
MODEL: dict[str, Any] = {
    "token_list": TOKENS,
    "token_type": "char",
    "feats_extract": "fbank",
    "feats_extract_conf": {"fs": 8000, **STFT, "n_mels": F, "fmin": 40, "fmax": 4000},
    "normalize": "global_mvn",
    "normalize_conf": {"stats_file": Stats(F)},
    "pitch_extract": "dio",
    "pitch_extract_conf": {"fs": 8000, **STFT, "f0min": 60, "reduction_factor": 1},
    "pitch_normalize": None,
    "energy_extract": "energy",
    "energy_extract_conf": {"fs": 8000, **STFT, "reduction_factor": 1},
    "energy_normalize": None,
    "tts": "fastspeech2",
    "tts_conf": SMALL,
}
MODELS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, ()),
    "given-features": ({"odim": F, "normalize": None, "pitch_extract": None, "energy_extract": None}, ()),
    "speakers": ({"tts_conf": {**SMALL, "spks": 3, "spk_embed_dim": 5}}, (SPEAKER, VOICE)),
}


def _rows() -> list[Row]:
    rows = []
    for name, (options, conditions) in OPTIONS.items():
        make = New("espnet2.tts.fastspeech2.fastspeech2:FastSpeech2", {**FASTSPEECH2, **options})
        lengths = SHORTER if name == "conformer-legacy" else LENGTHS
        rows.append(Row(f"fastspeech2-{name}", "tts", make, (TEXT, *conditions), lengths, fixed=DURATIONS))
    for name, (keys, conditions) in MODELS.items():
        make = Config("espnet2.tasks.tts:TTSTask", {**MODEL, **keys})
        fixed = {f"tts.{key}": value for key, value in DURATIONS.items()}
        rows.append(Row(f"tts-model-{name}", "tts_model", make, (TEXT, *conditions), LENGTHS, fixed=fixed))
    for name, options in LOSSES.items():
        make = New("espnet2.tts.fastspeech2.fastspeech2:FastSpeech2", {**FASTSPEECH2, **options})
        rows.append(Row(f"fastspeech2-losses-{name}", "tts_losses", make, (TEXT, FEATS, *OF_TOKENS), LENGTHS))
    for name, (target, call, options) in EXTRACTORS.items():
        make = New(f"espnet2.tts.feats_extract.{target}", {**STFT, **options})
        # Logarithms of magnitudes near zero are far apart.
        tolerance = 2e-4 if name == "spectrogram" else 1e-5
        rows.append(Row(f"feats_extract-{name}", call, make, SPEECH, SAMPLES, tolerance))
    for name, (options, further) in VOCODERS.items():
        make = New("espnet2.gan_tts.hifigan.hifigan:HiFiGANGenerator", {**HIFIGAN, **options})
        rows.append(Row(f"hifigan-{name}", "vocoder", make, (MEL, *further), (13, 6, 1)))
    rows.append(Row("hifigan-units", "vocoder", New(f"{_OF_UNITS}Generator", UNIT_HIFIGAN), (UNITS,), (13, 6, 1)))
    return rows


ROWS = _rows()
_GENERATOR = {"generator_type": "HiFiGANGenerator", "generator_params": HIFIGAN, "sampling_rate": 8000}
ROUND_TRIP = {
    "tts": Config("espnet2.tasks.tts:TTSTask", {**MODEL, **MODELS["speakers"][0]}),
    "vocoder": Config("espnet2.tasks.vocoder:VocoderTask", _GENERATOR),
}
SAME_GRAPH = {f"fastspeech2-{name}" for name in OPTIONS} - {"fastspeech2-default", "fastspeech2-everything-given"}
SAME_GRAPH |= {f"tts-model-{name}" for name in MODELS}
SAME_GRAPH |= {f"hifigan-{name}" for name in VOCODERS if name != "default"} | {"hifigan-units"}
REFUSED = [
    ("fastspeech2-default", {"encoder_type": "rnn"}, "encoder_type.*rnn.*transformer, conformer"),
    ("fastspeech2-default", {"decoder_type": "rnn"}, "decoder_type.*rnn.*transformer, conformer"),
    ("fastspeech2-default", {"use_masking": True, "use_weighted_masking": True}, "use_masking.*use_weighted_masking"),
    ("fastspeech2-default", {"spk_embed_integration_type": "cat"}, "spk_embed_integration_type.*cat.*add, concat"),
    ("fastspeech2-default", {"pitch_embed_kernel_size": 4}, "odd kernel size.*4"),
    ("fastspeech2-default", {"postnet_filts": 4}, "odd kernel size.*4"),
    ("fastspeech2-default", {"reduction_factor": 0}, "reduction_factor.*0"),
    ("fastspeech2-default", {"init_type": "zeros"}, "init.*zeros"),
    ("feats_extract-fbank", {"onesided": False}, "onesided"),
    ("feats_extract-energy", {"reduction_factor": 0}, "reduction_factor.*0"),
    ("hifigan-default", {"upsample_kernel_sizes": [8, 7]}, "upsample_kernel_sizes.*twice.*8, 7"),
    ("hifigan-default", {"resblock_kernel_sizes": [3]}, "resblock_dilations.*1 lists.*2"),
    ("hifigan-default", {"kernel_size": 6}, "odd kernel size.*6"),
    ("hifigan-default", {"channels": 6}, "channels.*multiple of 4.*6"),
    ("hifigan-default", {"nonlinear_activation": "Swash"}, "nonlinear_activation.*Swash.*LeakyReLU"),
]
