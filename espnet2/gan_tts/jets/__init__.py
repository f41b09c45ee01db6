"""JETS."""

from espnet2.gan_tts.jets.jets import JETS as JETS
