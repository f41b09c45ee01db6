"""Discrete units of speech."""
