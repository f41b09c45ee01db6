"""Losses that train speaker models."""
