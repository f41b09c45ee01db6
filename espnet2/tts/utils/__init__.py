"""Vocoders of other packages, and durations from attention."""

from espnet2.tts.utils.duration_calculator import DurationCalculator
from espnet2.tts.utils.parallel_wavegan_pretrained_vocoder import ParallelWaveGANPretrainedVocoder

__all__ = ["DurationCalculator", "ParallelWaveGANPretrainedVocoder"]
