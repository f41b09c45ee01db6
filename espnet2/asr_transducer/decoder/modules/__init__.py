"""Layers of the blocks of prediction networks."""
