"""Blocks that encoders of speaker models are made of."""
