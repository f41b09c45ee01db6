"""Augmentation of features in training."""
