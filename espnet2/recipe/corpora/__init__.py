"""Data preparation: convert published corpora to Kaldi-style data directories."""
