"""Variance predictor, under upstream's import path."""

from espnet.nets.pytorch_backend.fastspeech.variance_predictor import VariancePredictor

__all__ = ["VariancePredictor"]
