"""MelGAN and multi-band MelGAN."""

from espnet2.gan_tts.melgan.melgan import MelGANGenerator, MelGANMultiScaleDiscriminator

__all__ = ["MelGANGenerator", "MelGANMultiScaleDiscriminator"]
