"""JETS."""
