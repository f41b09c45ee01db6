"""Stands in for the package `longformer`, which upstream's encoder imports and nobody can install any more.

Only upstream reads it, when goldens are made. Its numbers are those of `transformers`' Longformer, and of
dense attention under the masks of Beltagy et al. 2020 for what that one lacks.
"""
