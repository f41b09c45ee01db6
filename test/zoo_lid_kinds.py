"""Kinds of rows of language identifiers; see `zoo_kind`."""

from __future__ import annotations

import torch
from zoo_kind import Batch, Kind, Outputs


def _language_identifier(module: torch.nn.Module, batch: Batch, lengths: torch.Tensor) -> Outputs:
    """The embedding of each utterance, and its language."""
    embedding, language = module(batch["speech"], lengths, extract_embd=True)
    counts = torch.ones(len(embedding), dtype=torch.long)
    return {"out": (embedding, counts * embedding.shape[1]), "language": (language[:, None], counts)}


KINDS = {"language_identifier": Kind(_language_identifier, padded=True, exported=True)}
