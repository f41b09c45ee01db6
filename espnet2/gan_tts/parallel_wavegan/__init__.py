"""Parallel WaveGAN."""

from espnet2.gan_tts.parallel_wavegan.parallel_wavegan import ParallelWaveGANDiscriminator, ParallelWaveGANGenerator

__all__ = ["ParallelWaveGANDiscriminator", "ParallelWaveGANGenerator"]
