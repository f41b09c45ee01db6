"""StyleMelGAN."""

from espnet2.gan_tts.style_melgan.style_melgan import StyleMelGANDiscriminator, StyleMelGANGenerator

__all__ = ["StyleMelGANDiscriminator", "StyleMelGANGenerator"]
