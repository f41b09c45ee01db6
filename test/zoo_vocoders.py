"""Rows of vocoders: generators, discriminators and their losses."""

from __future__ import annotations

from typing import Any

from zoo_data import Array, New, Row

GAN = "espnet2.gan_tts."
HIFIGAN = f"{GAN}hifigan.hifigan:HiFiGAN"
WAVES = (Array("wav_hat", ("n",)), Array("wav", ("n",)))
SAMPLES = (301, 256, 150)
PERIOD: dict[str, Any] = {"channels": 4, "max_downsample_channels": 8, "downsample_scales": [3, 3, 1]}
SCALE: dict[str, Any] = {"channels": 16, "max_downsample_channels": 32, "downsample_scales": [2, 4, 1]}
SPECTRAL = {"use_weight_norm": False, "use_spectral_norm": True}
DISCRIMINATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "hifigan-period": (f"{HIFIGAN}PeriodDiscriminator", {**PERIOD, "period": 7}),
    "hifigan-period-spectral": (f"{HIFIGAN}PeriodDiscriminator", {**PERIOD, **SPECTRAL, "kernel_sizes": [3, 5]}),
    "hifigan-period-plain": (
        f"{HIFIGAN}PeriodDiscriminator",
        {**PERIOD, "use_weight_norm": False, "bias": False, "nonlinear_activation_params": {"negative_slope": 0.3}},
    ),
    "hifigan-multi-period": (f"{HIFIGAN}MultiPeriodDiscriminator", {"discriminator_params": PERIOD}),
    "hifigan-scale": (f"{HIFIGAN}ScaleDiscriminator", SCALE),
    "hifigan-scale-spectral": (
        f"{HIFIGAN}ScaleDiscriminator",
        {**SCALE, **SPECTRAL, "kernel_sizes": [5, 7, 3, 5], "max_groups": 2},
    ),
    "hifigan-scale-plain": (
        f"{HIFIGAN}ScaleDiscriminator",
        {**SCALE, "use_weight_norm": False, "bias": False, "max_downsample_channels": 64, "downsample_scales": [2]},
    ),
    "hifigan-multi-scale": (f"{HIFIGAN}MultiScaleDiscriminator", {"scales": 2, "discriminator_params": SCALE}),
    "hifigan-multi-scale-official": (
        f"{HIFIGAN}MultiScaleDiscriminator",
        {
            "discriminator_params": SCALE,
            "follow_official_norm": True,
            "downsample_pooling_params": {"kernel_size": 3, "stride": 2, "padding": 1},
        },
    ),
    "hifigan-multi-scale-multi-period": (
        f"{HIFIGAN}MultiScaleMultiPeriodDiscriminator",
        {"scale_discriminator_params": SCALE, "periods": [2, 3], "period_discriminator_params": PERIOD},
    ),
}
MELGAN = f"{GAN}melgan.melgan:MelGAN"
PARALLEL = f"{GAN}parallel_wavegan.parallel_wavegan:ParallelWaveGAN"
STYLE = f"{GAN}style_melgan.style_melgan:StyleMelGAN"
STRIDED: dict[str, Any] = {"channels": 4, "max_downsample_channels": 16, "downsample_scales": [4, 2]}
DISCRIMINATORS |= {
    "melgan": (f"{MELGAN}Discriminator", {**STRIDED, "kernel_sizes": [3, 5], "bias": False, "out_channels": 2}),
    "melgan-multi-scale": (f"{MELGAN}MultiScaleDiscriminator", {**STRIDED, "scales": 2}),
    "melgan-multi-scale-plain": (
        f"{MELGAN}MultiScaleDiscriminator",
        {
            **STRIDED,
            "use_weight_norm": False,
            "pad": "ReplicationPad1d",
            "downsample_pooling_params": {"kernel_size": 3, "stride": 2, "padding": 1},
        },
    ),
    "parallel_wavegan": (f"{PARALLEL}Discriminator", {"layers": 5, "conv_channels": 6}),
    "parallel_wavegan-plain": (
        f"{PARALLEL}Discriminator",
        {
            "layers": 4,
            "conv_channels": 6,
            "dilation_factor": 2,
            "bias": False,
            "use_weight_norm": False,
            "kernel_size": 5,
            "nonlinear_activation": "ELU",
            "nonlinear_activation_params": {},
        },
    ),
    "style_melgan": (
        f"{STYLE}Discriminator",
        {
            "window_sizes": [32, 64],
            "pqmf_params": [[1, None, None, None], [2, 30, 0.267, 9.0]],
            "discriminator_params": STRIDED,
        },
    ),
}
F = 8
FEATS, FRAMES = Array("feats", ("n", F)), (13, 6, 4)
SCALES = {"in_channels": F, "channels": 16, "upsample_scales": [4, 3]}
WAVENET: dict[str, Any] = {
    "aux_channels": F,
    "layers": 4,
    "stacks": 2,
    "residual_channels": 6,
    "gate_channels": 10,
    "skip_channels": 5,
    "upsample_params": {"upsample_scales": [3, 2]},
}
STYLED: dict[str, Any] = {
    "in_channels": 7,
    "aux_channels": F,
    "channels": 6,
    "kernel_size": 5,
    "noise_upsample_scales": [3, 2],
    "upsample_scales": [2, 3, 1],
}
GENERATORS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "melgan": (f"{MELGAN}Generator", SCALES, FRAMES),
    "melgan-options": (
        f"{MELGAN}Generator",
        {
            **SCALES,
            "kernel_size": 3,
            "bias": False,
            "stack_kernel_size": 5,
            "stacks": 2,
            "use_final_nonlinear_activation": False,
            "pad": "ReplicationPad1d",
            "out_channels": 2,
        },
        (13, 6, 1),
    ),
    "melgan-plain": (
        f"{MELGAN}Generator",
        {
            **SCALES,
            "use_weight_norm": False,
            "pad": "ConstantPad1d",
            "pad_params": {"value": 0.0},
            "nonlinear_activation": "ELU",
            "nonlinear_activation_params": {"alpha": 0.7},
        },
        (13, 6, 1),
    ),
    "parallel_wavegan": (f"{PARALLEL}Generator", WAVENET, (13, 6, 1)),
    "parallel_wavegan-options": (
        f"{PARALLEL}Generator",
        {
            **WAVENET,
            "out_channels": 2,
            "kernel_size": 5,
            "aux_context_window": 0,
            "bias": False,
            "dropout_rate": 0.3,
            "upsample_params": {
                "upsample_scales": [2, 3],
                "nonlinear_activation": "LeakyReLU",
                "nonlinear_activation_params": {"negative_slope": 0.3},
                "freq_axis_kernel_size": 3,
            },
        },
        (13, 6, 1),
    ),
    "parallel_wavegan-network": (
        f"{PARALLEL}Generator",
        {
            **WAVENET,
            "use_weight_norm": False,
            "upsample_net": "UpsampleNetwork",
            "upsample_params": {"upsample_scales": [3, 2], "interpolate_mode": "bilinear"},
        },
        (13, 6, 1),
    ),
    "parallel_wavegan-samples": (
        f"{PARALLEL}Generator",
        {**WAVENET, "upsample_conditional_features": False},
        (31, 6, 1),
    ),
    "style_melgan": (f"{STYLE}Generator", STYLED, (13, 6, 1)),
    "style_melgan-options": (
        f"{STYLE}Generator",
        {
            **STYLED,
            "dilation": 1,
            "bias": False,
            "noise_upsample_activation": "ReLU",
            "noise_upsample_activation_params": {},
            "upsample_mode": "linear",
            "gated_function": "sigmoid",
            "use_weight_norm": False,
        },
        (13, 6, 1),
    ),
}
BANKS: dict[str, dict[str, Any]] = {
    "default": {},
    "options": {"subbands": 2, "taps": 30, "cutoff_ratio": 0.267, "beta": 5.0},
}
ADVERSARIAL: dict[str, dict[str, Any]] = {
    "default": {},
    "hinge": {"loss_type": "hinge"},
    "sum": {"average_by_discriminators": False},
}
MATCHING: dict[str, dict[str, Any]] = {
    "default": {},
    "sum": {"average_by_layers": False, "average_by_discriminators": False},
    "final": {"include_final_outputs": True},
}
MEL: dict[str, Any] = {"fs": 8000, "n_fft": 64, "hop_length": 16, "n_mels": 10}
DISTANCES: dict[str, dict[str, Any]] = {
    "default": {},
    "options": {"fmin": 100, "fmax": 3000, "win_length": 48, "window": "hamming", "log_base": None, "center": False},
}
RESULTS = (Array("hat", ("n", 6)), Array("real", ("n", 6)))


def _rows() -> list[Row]:
    rows = []
    for name, (target, options) in DISCRIMINATORS.items():
        rows.append(Row(f"discriminator-{name}", "discriminator", New(target, options), WAVES, SAMPLES))
    for name, (target, options, lengths) in GENERATORS.items():
        rows.append(Row(name, "generator", New(target, options), (FEATS,), lengths))
    for name, options in BANKS.items():
        make = New(f"{GAN}melgan.pqmf:PQMF", options)
        rows.append(Row(f"pqmf-{name}", "pqmf", make, (Array("wav", ("n",)),), (200, 64, 4)))
    losses = f"{GAN}hifigan.loss:"
    for name, options in ADVERSARIAL.items():
        for of, target in (
            ("generator", "GeneratorAdversarialLoss"),
            ("discriminator", "DiscriminatorAdversarialLoss"),
        ):
            make = New(losses + target, options)
            rows.append(Row(f"adversarial-loss-{of}-{name}", f"{of}_loss", make, RESULTS, (9, 4, 1)))
    for name, options in MATCHING.items():
        make = New(f"{losses}FeatureMatchLoss", options)
        rows.append(Row(f"feature-match-loss-{name}", "feature_match_loss", make, RESULTS, (9, 4, 1)))
    for name, options in DISTANCES.items():
        make = New(f"{losses}MelSpectrogramLoss", {**MEL, **options})
        rows.append(Row(f"mel-loss-{name}", "mel_loss", make, WAVES, SAMPLES))
    return rows


ROWS = _rows()
EXPORTED = {"melgan", "parallel_wavegan", "style_melgan"}
SAME_GRAPH = set(GENERATORS) - EXPORTED
REFUSED = [
    ("discriminator-hifigan-period", {"use_spectral_norm": True}, "use_weight_norm, use_spectral_norm.*both"),
    ("discriminator-hifigan-scale", {"use_spectral_norm": True}, "use_weight_norm, use_spectral_norm.*both"),
    ("discriminator-hifigan-period", {"kernel_sizes": [5, 4]}, "odd kernel size.*4"),
    ("discriminator-hifigan-period", {"kernel_sizes": [5]}, "kernel_sizes.*two.*5"),
    ("discriminator-hifigan-period", {"period": 0}, "period.*0"),
    ("discriminator-hifigan-scale", {"kernel_sizes": [5, 3]}, "kernel_sizes.*four.*5, 3"),
    ("discriminator-hifigan-scale", {"nonlinear_activation": "Swash"}, "nonlinear_activation.*Swash.*LeakyReLU"),
    ("discriminator-hifigan-multi-scale", {"downsample_pooling": "Swim"}, "downsample_pooling.*Swim.*AvgPool1d"),
    ("discriminator-melgan", {"kernel_sizes": [3]}, "kernel_sizes.*two.*3"),
    ("discriminator-melgan", {"kernel_sizes": [3, 4]}, "odd kernel size.*4"),
    ("discriminator-melgan", {"pad": "Pad"}, "pad.*Pad.*ReflectionPad1d"),
    ("discriminator-style_melgan", {"window_sizes": [32]}, "window_sizes.*2 that.*32"),
    ("discriminator-style_melgan", {"window_sizes": [32, 32]}, "window_sizes.*equally many.*32, 32"),
    ("melgan", {"kernel_size": 4}, "odd kernel size.*4"),
    ("melgan", {"stack_kernel_size": 4}, "odd kernel size.*4"),
    ("melgan", {"channels": 6}, "channels.*multiple of 4.*6"),
    ("melgan", {"pad": "Pad"}, "pad.*Pad.*ReflectionPad1d"),
    ("parallel_wavegan", {"layers": 5}, "layers.*multiple of stacks 2.*5"),
    ("parallel_wavegan", {"kernel_size": 4}, "odd kernel size.*4"),
    ("parallel_wavegan", {"upsample_net": "Net"}, "upsample_net.*Net.*ConvInUpsampleNetwork, UpsampleNetwork"),
    ("parallel_wavegan", {"upsample_params": {"upsample_scales": [2], "interpolate_mode": "x"}}, "interpolate_mode"),
    ("style_melgan", {"gated_function": "tanh"}, "gated_function.*tanh.*softmax, sigmoid"),
    ("style_melgan", {"upsample_mode": "cubic"}, "upsample_mode.*cubic.*nearest, linear"),
    ("style_melgan", {"kernel_size": 4}, "odd kernel size.*4"),
    ("pqmf-default", {"taps": 61}, "taps.*even.*61"),
    ("pqmf-default", {"cutoff_ratio": 1.5}, "cutoff_ratio.*1.5"),
    ("adversarial-loss-generator-default", {"loss_type": "mae"}, "loss_type.*mae.*mse, hinge"),
]
