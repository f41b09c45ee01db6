"""Decoders of detectors of spoofed speech: encoder output to one score."""
