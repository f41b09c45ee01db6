"""Tacotron 2."""
