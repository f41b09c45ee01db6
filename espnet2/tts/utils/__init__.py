"""Vocoders of other packages."""
