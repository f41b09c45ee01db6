"""Structured state spaces."""
