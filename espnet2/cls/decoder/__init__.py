"""Decoders of classifiers: encoder output to scores of classes."""
