"""Packed models: unpacking them and finding their files."""
