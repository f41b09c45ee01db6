"""Transformer TTS."""
