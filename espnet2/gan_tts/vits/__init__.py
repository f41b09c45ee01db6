"""VITS."""

from espnet2.gan_tts.vits.vits import VITS as VITS
