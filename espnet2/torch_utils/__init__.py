"""Helpers for PyTorch models: checkpoints, devices, precision, initialisation."""
