"""Masked language models that fill in what CTC is not sure of."""
