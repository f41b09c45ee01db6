"""Layers of encoders."""
