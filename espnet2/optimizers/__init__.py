"""Optimisers, and what weight decay leaves alone."""
