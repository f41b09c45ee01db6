"""Tacotron 2."""

from espnet2.tts.tacotron2.tacotron2 import Tacotron2 as Tacotron2
