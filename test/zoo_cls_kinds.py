"""Kinds of rows of classifiers and of detectors of spoofed speech; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs


def _class_head(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _vector(module(batch["xs"], lengths))


def _classifier(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _vector(module.score(batch["speech"], lengths))


def _binary_loss(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Loss of each score alone, for both labels."""
    labels = (torch.zeros(1, 1), torch.ones(1, 1))
    return _vector(torch.stack([torch.stack([module(x[None], label) for label in labels]) for x in batch["xs"]]))


def _vector(values: torch.Tensor) -> Outputs:
    return {"out": (values, torch.full((len(values),), values.shape[1]))}


KINDS = {
    "class_head": Kind(_class_head, padded=True),
    "class_model": Kind(_classifier, padded=True, exported=True),
    "binary_loss": Kind(_binary_loss),
}
