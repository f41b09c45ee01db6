"""Samplers: composition and order of batches."""
