"""Decoders: token scores from the encoder's output and the tokens so far."""
