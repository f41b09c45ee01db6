"""Layers of non-autoregressive speech synthesis."""
