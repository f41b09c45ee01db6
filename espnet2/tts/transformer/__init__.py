"""Transformer TTS."""

from espnet2.tts.transformer.transformer import Transformer as Transformer
