"""Kinds of rows of spoken language understanding; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs, token_lengths

COUNT = 3  # words of each transcript


def _encode(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    transcript = batch["transcript"][:, :COUNT]
    encoded, valid = module.encode(batch["speech"], lengths, transcript, torch.full_like(lengths, COUNT))
    return {"out": (encoded, valid)}


def _postdecoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    tokens, valid = batch["tokens"], token_lengths(lengths)
    positions = torch.arange(tokens.shape[1])
    mask = (positions < valid[:, None]).long()
    return {"out": (module(tokens, mask, torch.zeros_like(tokens), positions.expand_as(tokens)), valid)}


KINDS = {
    "encode_transcript": Kind(_encode, padded=True, exported=True, heads="model-conformer"),
    "postdecoder": Kind(_postdecoder, padded=True),
}
