"""Attention weights of a model, under upstream's name."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from espnet2.train.pictures.attention_weights import attention_weights


def calculate_all_attentions(
    model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
) -> dict[str, list[torch.Tensor]]:
    """Compute the weights of every attention for each utterance of a batch: see `attention_weights`."""
    return attention_weights(model, batch)
