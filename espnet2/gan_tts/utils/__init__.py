"""Helpers of adversarial training."""

from espnet2.gan_tts.utils.get_random_segments import get_random_segments as get_random_segments
from espnet2.gan_tts.utils.get_random_segments import get_segments as get_segments
