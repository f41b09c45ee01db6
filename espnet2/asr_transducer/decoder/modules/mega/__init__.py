"""Layers of MEGA blocks."""
