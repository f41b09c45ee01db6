"""Kinds of rows of speaker models; see `zoo_kind`."""

from __future__ import annotations

import copy

import torch
from zoo_kind import Batch, Kind, Outputs


def _speaker_encoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    # Upstream's encoders do not ask for lengths.
    if not hasattr(module, "length"):
        encoded = module(batch["xs"]).transpose(1, 2)
        return {"out": (encoded, torch.full_like(lengths, encoded.shape[1]))}
    return {"out": (module(batch["xs"], lengths).transpose(1, 2), module.length(lengths))}


def _pooling(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _vector(module(batch["xs"].transpose(1, 2), feat_lengths=lengths))


def _projector(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _vector(module(batch["xs"]))


def _speaker_loss(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """Loss, accuracy and the closest speaker of each embedding alone, and with another margin where it can be set."""
    outputs = _vector(_alone(module, batch))
    if hasattr(module, "update"):
        other = copy.deepcopy(module)
        other.update(0.4)
        outputs |= _vector(_alone(other, batch), "updated")
    return outputs


def _alone(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
    found = [module(x[None], label) for x, label in zip(batch["xs"], batch["label"], strict=True)]
    return torch.stack([torch.stack([value.float().squeeze() for value in values]) for values in found])


def _speaker_model(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return _vector(module(batch["speech"], lengths, extract_embd=True))


def _vector(values: torch.Tensor, name: str = "out") -> Outputs:
    """One vector (C,) for each utterance."""
    return {name: (values, torch.full((len(values),), values.shape[1]))}


KINDS = {
    "speaker_encoder": Kind(_speaker_encoder, padded=True),
    "pooling": Kind(_pooling, padded=True),
    "projector": Kind(_projector),
    "speaker_loss": Kind(_speaker_loss),
    "speaker_model": Kind(_speaker_model, padded=True, exported=True),
}
