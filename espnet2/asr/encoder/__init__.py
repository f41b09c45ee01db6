"""Encoders of speech recognisers."""
