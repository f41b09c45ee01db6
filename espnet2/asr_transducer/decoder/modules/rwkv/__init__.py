"""Layers of RWKV blocks."""
