"""Kinds of rows of translators of speech; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs, token_lengths


def _two_source_decoder(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    valid = token_lengths(lengths)
    given = batch["memory"], lengths, batch["tokens"], valid, batch["speech"], lengths
    return {"out": (module(*given)[0], valid)}


KINDS = {"two_source_decoder": Kind(_two_source_decoder, padded=True, exported=True)}
