"""What step-by-step models remember of the hypotheses of a beam, and how a step picks it up.

A cache is one tensor (layers, batch, parent, ...): for every layer and utterance, one entry per hypothesis of the step
before. A step says for each of its hypotheses which of those it continues, so that a search never copies caches.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def rows_of(parents: Tensor, parent: int) -> Tensor:
    """Where hypotheses find what they continue, once a cache's batch and parent axes are flattened.

    Args:
        parents: (batch, beam) int64, below `parent`.

    Returns:
        (batch * beam,) int64.
    """
    first = torch.arange(parents.shape[0], device=parents.device).unsqueeze(1) * parent
    return (parents + first).flatten()


def continued(cache: Tensor, parents: Tensor) -> list[Tensor]:
    """Pick what hypotheses continue.

    Args:
        cache: (layers, batch, parent, ...).
        parents: (batch, beam) int64, below `parent`.

    Returns:
        For each layer (batch * beam, ...).
    """
    layers, batch, parent = cache.shape[:3]
    rows = rows_of(parents, parent)
    entries = cache.flatten(0, 2)
    # Gathering each layer out of the whole copies it once; picking the layer first would copy it twice.
    return [entries.index_select(0, rows + layer * batch * parent) for layer in range(layers)]


def stacked(layers: Sequence[Tensor], parents: Tensor) -> Tensor:
    """The next step's cache (layers, batch, beam, ...) from each layer's (batch * beam, ...)."""
    return torch.stack(tuple(layers)).unflatten(1, parents.shape)
