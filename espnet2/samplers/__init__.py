"""Utterances in batches: which go together, and in which order."""
