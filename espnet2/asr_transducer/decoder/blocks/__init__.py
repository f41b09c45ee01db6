"""Blocks of prediction networks."""
