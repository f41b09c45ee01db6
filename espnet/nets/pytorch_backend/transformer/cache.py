"""Caches of step-by-step models: how a step selects the entries of the hypotheses that it continues.

A cache is one tensor (layers, batch, parent, ...): for every layer and utterance, one entry per hypothesis of the step
before. A step is given the parent of each of its hypotheses, so that a search never copies caches.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from espnet2.interface import spec


def hypotheses(vocab_size: int) -> tuple[spec.Tensor, spec.Tensor]:
    """First inputs of every step: each hypothesis's last token, and the index of the hypothesis that it continues."""
    return (
        spec.Tensor("tokens", ("batch", "beam"), "int64", below=vocab_size),
        spec.Tensor("parents", ("batch", "beam"), "int64", below="parent"),
    )


def entries_of(parents: Tensor, cache: Tensor) -> Tensor:
    """Indices into `cache.flatten(0, 2)` of the entries that hypotheses continue.

    Args:
        parents: (batch, beam) int64, below `parent`.
        cache: (layers, batch, parent, ...).

    Returns:
        (layers, batch * beam) int64.
    """
    layers, batch, parent = cache.shape[:3]
    utterances = torch.arange(batch, device=parents.device).unsqueeze(1) * parent
    first = torch.arange(layers, device=parents.device).unsqueeze(1) * (batch * parent)
    return first + (parents + utterances).flatten()


def continued(cache: Tensor, entries: Tensor) -> list[Tensor]:
    """Select the entries that hypotheses continue: (batch * beam, ...) per layer out of (layers, batch, parent,
    ...)."""
    # Gathering each layer out of the whole copies it once; picking the layer first would copy it twice.
    everything = cache.flatten(0, 2)
    return [everything.index_select(0, layer) for layer in entries.unbind()]


def selected(cache: Tensor, parents: Tensor) -> Tensor:
    """Select the entries that hypotheses continue: (layers, batch, beam, ...) out of (layers, batch, parent, ...)."""
    return cache.flatten(0, 2)[entries_of(parents, cache)].unflatten(1, parents.shape)


def stacked(layers: Sequence[Tensor], parents: Tensor) -> Tensor:
    """The next step's cache (layers, batch, beam, ...) from each layer's (batch * beam, ...)."""
    # A graph's output that is only another view of a tensor costs a copy: reshape before the concatenation.
    return torch.cat([layer.view(1, *parents.shape, *layer.shape[1:]) for layer in layers])
