"""Poolings: frames of an utterance to one vector."""
