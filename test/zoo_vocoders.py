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
REFUSED = [
    ("discriminator-hifigan-period", {"use_spectral_norm": True}, "use_weight_norm, use_spectral_norm.*both"),
    ("discriminator-hifigan-scale", {"use_spectral_norm": True}, "use_weight_norm, use_spectral_norm.*both"),
    ("discriminator-hifigan-period", {"kernel_sizes": [5, 4]}, "odd kernel size.*4"),
    ("discriminator-hifigan-period", {"kernel_sizes": [5]}, "kernel_sizes.*two.*5"),
    ("discriminator-hifigan-period", {"period": 0}, "period.*0"),
    ("discriminator-hifigan-scale", {"kernel_sizes": [5, 3]}, "kernel_sizes.*four.*5, 3"),
    ("discriminator-hifigan-scale", {"nonlinear_activation": "Swash"}, "nonlinear_activation.*Swash.*LeakyReLU"),
    ("discriminator-hifigan-multi-scale", {"downsample_pooling": "Swim"}, "downsample_pooling.*Swim.*AvgPool1d"),
    ("adversarial-loss-generator-default", {"loss_type": "mae"}, "loss_type.*mae.*mse, hinge"),
]
