"""Transducers in training."""
