"""Kinds of rows of translators; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs


def _embedding(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    return {"out": module(batch["src_text"], lengths)}


KINDS = {"embedding": Kind(_embedding, padded=True, exported=True)}
