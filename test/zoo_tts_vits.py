"""Rows of WaveNet and of VITS, which is trained end to end."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, Config, New, Row

C, AUX, G = 6, 3, 4  # channels, auxiliary features, size of a global vector
X, FEATURES, VECTOR = Array("x", ("n", C)), Array("c", ("n", AUX)), Array("g", (G,))
WAVENET = {"residual_channels": C, "gate_channels": 8, "skip_channels": 5, "layers": 4, "stacks": 2}
WAVENETS: dict[str, tuple[dict[str, Any], tuple[Array, ...]]] = {
    "default": ({}, (X,)),
    "features": ({"aux_channels": AUX, "global_channels": G, "base_dilation": 3}, (X, FEATURES, VECTOR)),
    "scaled": ({"scale_residual": True, "scale_skip_connect": True, "kernel_size": 5, "bias": False}, (X,)),
    "first-and-last": (
        {"use_first_conv": True, "use_last_conv": True, "in_channels": 2, "out_channels": 3, "use_weight_norm": False},
        (Array("x", ("n", 2)),),
    ),
}

V, F, H = 11, 9, 8  # tokens, features, size of hidden vectors
LENGTHS = (7, 4, 1)  # tokens of the three texts
TEXT = Array("text", ("n",), below=V)
FEATS, TEXT_OF_FEATS = Array("feats", ("n", F)), Array("text", ("u",), below=V)  # "u": frames // 5 + 2
SPEAKER, LANGUAGE, VOICE = Array("sids", (1,), below=3), Array("lids", (1,), below=4), Array("spembs", (5,))
GENERATOR: dict[str, Any] = {
    "hidden_channels": H,
    "segment_size": 2,
    "text_encoder_blocks": 1,
    "text_encoder_ffn_expand": 2,
    "decoder_channels": 8,
    "decoder_upsample_scales": [4, 2],
    "decoder_upsample_kernel_sizes": [8, 4],
    "decoder_resblock_kernel_sizes": [3],
    "decoder_resblock_dilations": [[1, 2]],
    "posterior_encoder_layers": 2,
    "flow_flows": 2,
    "flow_layers": 2,
    "stochastic_duration_predictor_flows": 2,
    "stochastic_duration_predictor_dds_conv_layers": 2,
}
_CONVOLUTIONS = {
    "in_channels": 1,
    "out_channels": 1,
    "kernel_sizes": [5, 3],
    "channels": 4,
    "max_downsample_channels": 8,
    "bias": True,
    "nonlinear_activation": "LeakyReLU",
    "nonlinear_activation_params": {"negative_slope": 0.1},
}
DISCRIMINATOR = {
    "scales": 1,
    "scale_downsample_pooling": "AvgPool1d",
    "scale_downsample_pooling_params": {"kernel_size": 4, "stride": 2, "padding": 2},
    "scale_discriminator_params": {
        **_CONVOLUTIONS,
        "kernel_sizes": [5, 3, 5, 3],
        "max_groups": 2,
        "downsample_scales": [2, 1],
    },
    "follow_official_norm": False,
    "periods": [2],
    "period_discriminator_params": {**_CONVOLUTIONS, "downsample_scales": [3, 1]},
}
MEL = {"fs": 8000, "n_fft": 16, "hop_length": 8, "n_mels": 4, "fmin": 0, "fmax": None, "log_base": None}
VITS: dict[str, Any] = {
    "idim": V,
    "odim": F,
    "sampling_rate": 8000,
    "generator_params": GENERATOR,
    "discriminator_params": DISCRIMINATOR,
    "mel_loss_params": {**MEL, "win_length": None, "window": "hann"},
}
EVERYTHING = {"spks": 3, "langs": 4, "spk_embed_dim": 5, "global_channels": 6}
# By name: the kind, options of the generator, and inputs beside the text.
MODELS: dict[str, tuple[str, dict[str, Any], tuple[Array, ...]]] = {
    "default": ("vits", {}, ()),
    "everything-given": ("vits", EVERYTHING, (SPEAKER, LANGUAGE, VOICE)),
    "speakers": ("vits", {"spks": 3, "global_channels": 6}, (SPEAKER,)),
    "global-alone": ("vits", {"global_channels": 6}, ()),
    "scaled-flow": ("vits", {"use_only_mean_in_flow": False, "posterior_encoder_stacks": 2}, ()),
    "text-encoder": (
        "vits",
        {
            "text_encoder_positionwise_layer_type": "conv1d-linear",
            "text_encoder_positionwise_conv_kernel_size": 3,
            "text_encoder_positional_encoding_layer_type": "abs_pos",
            "text_encoder_self_attention_layer_type": "selfattn",
            "text_encoder_activation_type": "relu",
            "text_encoder_normalize_before": False,
            "use_macaron_style_in_text_encoder": False,
            "use_conformer_conv_in_text_encoder": False,
        },
        (),
    ),
    "without-noise": ("vits_without_noise", {}, ()),
    "slow": ("vits_slow", {}, ()),
    "given-durations": ("vits_given_durations", {}, ()),
    "forced": ("vits_forced", EVERYTHING, (SPEAKER, LANGUAGE, VOICE, FEATS)),
    "losses": ("vits_losses", {}, (FEATS,)),
    "losses-everything": ("vits_losses", {**EVERYTHING, "flow_dropout_rate": 0.1}, (SPEAKER, LANGUAGE, VOICE, FEATS)),
}


CONFIG: dict[str, Any] = {
    "token_list": ["<blank>", "<unk>", "<space>", *"abcdefg", "<sos/eos>"],
    "token_type": "char",
    "feats_extract": "linear_spectrogram",
    "feats_extract_conf": {"n_fft": 16, "hop_length": 8},
    "normalize": None,
    "pitch_extract": None,
    "energy_extract": None,
    "tts": "vits",
    "tts_conf": {
        **{name: value for name, value in VITS.items() if name not in ("idim", "odim")},
        "generator_params": {**GENERATOR, **EVERYTHING},
    },
}


def _rows() -> list[Row]:
    make = Config("espnet2.tasks.tts:TTSTask", CONFIG)
    rows = [Row("vits-config", "vits_model", make, (TEXT, SPEAKER, LANGUAGE, VOICE), LENGTHS)]
    for name, (kind, options, further) in MODELS.items():
        make = New("espnet2.gan_tts.vits.vits:VITS", {**VITS, "generator_params": {**GENERATOR, **options}})
        of_feats = FEATS in further
        inputs = (TEXT_OF_FEATS if of_feats else TEXT, *further)
        lengths = (23, 11, 6) if of_feats else LENGTHS
        tolerance = 1e-4 if kind == "vits_losses" else 1e-5  # of gradients, which many products make
        rows.append(Row(f"vits-{name}", kind, make, inputs, lengths, tolerance))
    for name, (options, inputs) in WAVENETS.items():
        make = New("espnet2.gan_tts.wavenet.wavenet:WaveNet", {**WAVENET, **options})
        rows.append(Row(f"wavenet-{name}", "wavenet", make, inputs, (23, 11, 1)))
    return rows


ROWS = _rows()
SAME_GRAPH = {
    f"vits-{name}" for name in ("config", "everything-given", "speakers", "scaled-flow", "text-encoder", "global-alone")
}
ROUND_TRIP = {"gan_tts": Config("espnet2.tasks.gan_tts:GANTTSTask", CONFIG)}
REFUSED = [
    ("vits-default", {"generator_params": {**GENERATOR, "spks": 2}}, "global_channels.*spks.*-1"),
    ("vits-default", {"generator_type": "vits2"}, "generator_type.*vits2.*vits_generator"),
    ("vits-default", {"discriminator_type": "one"}, "discriminator_type.*one.*hifigan_period_discriminator"),
    ("vits-default", {"generator_params": {**GENERATOR, "hidden_channels": 9}}, "9"),
    ("wavenet-default", {"stacks": 3}, "layers.*multiple of stacks 3.*4"),
    ("wavenet-default", {"gate_channels": 7}, "gate_channels.*even.*7"),
    ("wavenet-default", {"kernel_size": 4}, "odd kernel size.*4"),
]
