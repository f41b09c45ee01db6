"""Losses that train detectors of spoofed speech."""
