"""Caches of step-by-step models: how a step selects the entries of the hypotheses that it continues.

Keys and values of attention lie in rows that all hypotheses of an utterance share, a row for each token of any of them:
(rows, batch, heads, size). A step is told which rows each hypothesis sees, and returns the rows of the new tokens,
which whoever runs it appends. So a step copies no cache, however long it is.

Other states, of a fixed size, are one tensor (layers, batch, parent, ...): for every layer and utterance, one entry per
hypothesis of the step before. A step is given the parent of each of its hypotheses, so that a search never copies them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from espnet.nets.pytorch_backend.transformer.mask import attention_bias
from espnet2.interface import spec

MANY_TOKENS = 6000  # positions up to which examples are drawn


def hypotheses(vocab_size: int) -> tuple[spec.Tensor, spec.Tensor]:
    """First inputs of steps with states by parent: each hypothesis's last token, and which one it continues."""
    return _tokens(vocab_size), spec.Tensor("parents", ("batch", "beam"), "int64", below="parent")


def pooled_hypotheses(vocab_size: int) -> tuple[spec.Tensor, spec.Tensor, spec.Tensor]:
    """First inputs of steps with rows: each hypothesis's last token, the number before it, and the rows of these."""
    return (
        _tokens(vocab_size),
        spec.Tensor("positions", ("batch", "beam"), "int64", below=MANY_TOKENS),
        spec.Tensor("visible", ("batch", "beam", "rows"), "bool", below=2),
    )


def _tokens(vocab_size: int) -> spec.Tensor:
    return spec.Tensor("tokens", ("batch", "beam"), "int64", below=vocab_size)


def rows_of_layers(layers: int, heads: int, size: int) -> tuple[spec.State, ...]:
    """States of steps with rows: keys of each layer, then values of each."""
    return tuple(
        spec.State(
            spec.Tensor(f"{name}_{layer}", ("rows", "batch", heads, size)),
            spec.Tensor(f"next_{name}_{layer}", ("beam", "batch", heads, size)),
            appended="rows",
        )
        for name in ("cache_key", "cache_value")
        for layer in range(layers)
    )


def pool_bias(visible: Tensor, dtype: torch.dtype, own: Tensor | None = None) -> Tensor:
    """Attention bias of new tokens that see the rows `visible`, and each itself.

    Args:
        visible: (batch, beam, rows) bool.
        dtype: of the bias.
        own: (batch, beam, 1) bool, False for a token that does not see itself; None: all do.

    Returns:
        (batch, 1, beam, rows + 1).
    """
    seen = pad(visible, (0, 1), value=True) if own is None else torch.cat((visible, own), dim=-1)
    return attention_bias(seen, dtype)


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
