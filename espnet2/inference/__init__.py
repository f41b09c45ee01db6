"""Inference on PyTorch: trained models behind the same families as bundles, and the classes that upstream has."""
