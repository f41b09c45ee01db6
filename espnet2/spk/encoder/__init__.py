"""Encoders of speaker models."""
