"""HiFi-GAN."""

from espnet2.gan_tts.hifigan.discriminators import (
    HiFiGANMultiPeriodDiscriminator,
    HiFiGANMultiScaleDiscriminator,
    HiFiGANMultiScaleMultiPeriodDiscriminator,
    HiFiGANPeriodDiscriminator,
    HiFiGANScaleDiscriminator,
)
from espnet2.gan_tts.hifigan.hifigan import HiFiGANGenerator

__all__ = [
    "HiFiGANGenerator",
    "HiFiGANMultiPeriodDiscriminator",
    "HiFiGANMultiScaleDiscriminator",
    "HiFiGANMultiScaleMultiPeriodDiscriminator",
    "HiFiGANPeriodDiscriminator",
    "HiFiGANScaleDiscriminator",
]
