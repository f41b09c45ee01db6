"""Layers of Tacotron 2 that other synthesis models share."""
