"""Learning rates that change during training; those that PyTorch does not have."""
