"""Projectors: the vector of an utterance to the embedding of its speaker."""
