"""Layers of recurrent models."""
