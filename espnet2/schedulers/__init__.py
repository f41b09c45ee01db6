"""Learning rate schedulers that PyTorch lacks."""
