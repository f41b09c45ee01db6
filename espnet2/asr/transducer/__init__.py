"""Searches over PyTorch transducers, with upstream's interface, and error rates in training."""
