"""Attention of recurrent decoders, computed one step at a time.

Values that depend on the encoder's output alone are computed once per utterance (`start`) and shared by its hypotheses
(`step`). States are tensors that start as zeros: attention weights are stored as their difference from the initial
weights, which are equal for all real frames.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from espnet.nets.pytorch_backend.nets_utils import make_non_pad_mask, may_loop
from espnet.nets.pytorch_backend.transformer.mask import attention_bias

SCALE = 2.0  # of scores before softmax, but for those attentions of several heads that scale by their size


class Frames(NamedTuple):
    """Mask of real frames as tensors (B, 1, T): a bias that hides the padding, and uniform weights."""

    bias: Tensor
    uniform: Tensor

    @classmethod
    def of(cls, lengths: Tensor, memory: Tensor) -> Frames:
        """Create from lengths (B,) and the first tensor that `start` returned, (heads, B, T, ...)."""
        real = make_non_pad_mask(lengths, memory.shape[2])
        uniform = real.to(memory.dtype) / lengths.unsqueeze(1)
        return cls(attention_bias(real, memory.dtype), uniform.unsqueeze(1))


class Attention(nn.Module, ABC):
    """Base of attentions.

    Attributes:
        memory: names of the tensors that `start` returns, each with H and its last size.
        states: names of the states, each with its first and last size ("frames" is T).
    """

    memory: Mapping[str, tuple[int, int]]
    states: Mapping[str, tuple[int, int | str]]

    @abstractmethod
    def start(self, encoder_out: Tensor) -> tuple[Tensor, ...]:
        """Project the encoder's output (B, T, D): tensors (H, B, T, size)."""

    @abstractmethod
    def step(
        self, query: Tensor, memory: Sequence[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Attend to the frames.

        Args:
            query: (B, beam, S), the decoder's state of each hypothesis.
            memory: result of `start`.
            frames: which frames are real.
            states: (n, B, beam, T or size) each; zeros before the first step.

        Returns:
            contexts (B, beam, D), and the next states.
        """


class ScoringAttention(Attention):
    """Base of attentions that weight frames by the softmax of a score per frame."""

    def __init__(self, heads: int, key_size: int, value_size: int, scale: float = SCALE):
        super().__init__()
        self.heads, self.scale = heads, scale
        self.softmax = nn.Softmax(dim=-1)  # a module, so that hooks on it see the weights
        self.memory = {"memory_key": (heads, key_size), "memory_value": (heads, value_size)}
        self.states = {}

    def step(
        self, query: Tensor, memory: Sequence[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        key, value = memory
        scores, kept = self.scores(self.queries(query), key.unbind(), frames, states)
        weights = self.softmax(self.scale * torch.stack(scores) + frames.bias)
        return self.joined(weights @ value), self.remembered(weights, frames, kept)

    def kept_key(self, key: Tensor) -> Tensor:
        """Return the tensor that `start` keeps of a projected key."""
        return key

    @abstractmethod
    def queries(self, query: Tensor) -> list[Tensor]:
        """Each head's projection (B, beam, A) of the decoder's states (B, beam, S)."""

    @abstractmethod
    def each(self, layer: Any) -> Sequence[nn.Module]:
        """The layer of each head, where a single head has no list of them."""

    @abstractmethod
    def joined(self, contexts: Tensor) -> Tensor:
        """The heads' contexts (H, B, beam, size) as one (B, beam, D)."""

    @abstractmethod
    def scores(
        self, queries: Sequence[Tensor], keys: Sequence[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """Score queries (B, beam, A) and keys (B, T, A): (B, beam, T) for each head, and the input of `remembered`."""

    def remembered(self, weights: Tensor, frames: Frames, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the next states, from weights (H, B, beam, T) and the second result of `scores`."""
        return ()


class OneHead(ScoringAttention):
    """A single head, whose values are the encoder's output itself."""

    def __init__(self, eprojs: int, dunits: int, att_dim: int, query_bias: bool = False):
        super().__init__(1, att_dim, eprojs)
        self.mlp_enc = nn.Linear(eprojs, att_dim)
        self.mlp_dec = nn.Linear(dunits, att_dim, bias=query_bias)

    def start(self, encoder_out: Tensor) -> tuple[Tensor, ...]:
        return self.kept_key(self.mlp_enc(encoder_out)).unsqueeze(0), encoder_out.unsqueeze(0)

    def queries(self, query: Tensor) -> list[Tensor]:
        return [self.mlp_dec(query)]

    def each(self, layer: Any) -> Sequence[nn.Module]:
        return [layer]

    def joined(self, contexts: Tensor) -> Tensor:
        return contexts.squeeze(0)


class ManyHeads(ScoringAttention):
    """Several heads (Vaswani et al. 2017), each with projections of the full size."""

    def __init__(
        self, eprojs: int, dunits: int, aheads: int, att_dim_k: int, att_dim_v: int, scale: float | None = None
    ):
        super().__init__(aheads, att_dim_k, att_dim_v, att_dim_k**-0.5 if scale is None else scale)
        self.mlp_q = linear_layers(aheads, dunits, att_dim_k, bias=True)
        self.mlp_k = linear_layers(aheads, eprojs, att_dim_k, bias=False)
        self.mlp_v = linear_layers(aheads, eprojs, att_dim_v, bias=False)
        self.mlp_o = nn.Linear(aheads * att_dim_v, eprojs, bias=False)

    def start(self, encoder_out: Tensor) -> tuple[Tensor, ...]:
        keys, values = ([layer(encoder_out) for layer in layers] for layers in (self.mlp_k, self.mlp_v))
        return self.kept_key(torch.stack(keys)), torch.stack(values)

    def queries(self, query: Tensor) -> list[Tensor]:
        return [layer(query) for layer in self.mlp_q]

    def each(self, layer: Any) -> Sequence[nn.Module]:
        return list(layer)

    def joined(self, contexts: Tensor) -> Tensor:
        return self.mlp_o(contexts.permute(1, 2, 0, 3).flatten(2))


def linear_layers(count: int, inputs: int, outputs: int, bias: bool) -> nn.ModuleList:
    """One layer for each of `count` heads."""
    return nn.ModuleList(nn.Linear(inputs, outputs, bias=bias) for _ in range(count))


class Dot(ScoringAttention):
    """Scores are inner products (Luong et al. 2015) of squashed queries and keys."""

    def kept_key(self, key: Tensor) -> Tensor:
        return torch.tanh(key)

    def scores(
        self, queries: Sequence[Tensor], keys: Sequence[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        pairs = zip(queries, keys, strict=True)
        return [torch.tanh(query) @ key.transpose(1, 2) for query, key in pairs], ()


class Additive(ScoringAttention):
    """Scores come from a network with one hidden layer (Bahdanau et al. 2015), of weights `gvec`."""

    gvec: Any

    def scores(
        self, queries: Sequence[Tensor], keys: Sequence[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        terms, kept = self.key_terms([query.unsqueeze(2) for query in queries], frames, states)
        heads = zip(self.each(self.gvec), terms, keys, strict=True)
        return [term.scores(gvec, key.unsqueeze(1)) for gvec, term, key in heads], kept

    def key_terms(
        self, queries: list[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[KeyTerm], tuple[Tensor, ...]]:
        """Return what is added to keys: each head's query (B, beam, 1, A), and features of earlier weights."""
        return [KeyTerm(query) for query in queries], ()


class KeyTerm(NamedTuple):
    """Terms that hypotheses add to keys: a query (B, beam, 1 or T, A), and features (B, beam, T, C) of frames, if any,
    which the layer `spread` projects to (..., A)."""

    query: Tensor
    features: Tensor | None = None
    spread: Any = None

    def scores(self, gvec: nn.Module, key: Tensor) -> Tensor:
        """Scores (B, beam, T) of keys (B, 1, T, A) by the layer `gvec` of their squashed sums."""
        given = (self.query,) if self.features is None else (self.query, self.features)
        if not may_loop():
            return self._squashed(gvec, key, *given)

        # One hypothesis after the other, an operator `Scan` of a graph: its sums stay in a processor's cache.
        def advance(unused: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            return unused + 1, self._squashed(gvec, key.squeeze(1), *given)

        _, found = scan(advance, key.new_zeros(1), tuple(part.transpose(0, 1).contiguous() for part in given))
        return found.transpose(0, 1)

    def _squashed(self, gvec: nn.Module, key: Tensor, query: Tensor, features: Tensor | None = None) -> Tensor:
        term = query if features is None else query + self.spread(features)
        return gvec(torch.tanh(term + key)).squeeze(-1)


class LocationAware(Additive):
    """Additive scores with convolutional features of the previous step's weights (Chorowski et al. 2015)."""

    loc_conv: Any
    mlp_att: Any

    def key_terms(
        self, queries: list[Tensor], frames: Frames, states: Sequence[Tensor]
    ) -> tuple[list[KeyTerm], tuple[Tensor, ...]]:
        before = (states[0] + frames.uniform).chunk(self.heads)
        heads = zip(queries, self.each(self.mlp_att), self.each(self.loc_conv), before, strict=True)
        return [KeyTerm(query, convolved(conv, rows), spread) for query, spread, conv, rows in heads], (states[0],)

    def remembered(self, weights: Tensor, frames: Frames, kept: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return (weights - frames.uniform,)


def location_conv(channels: int, filters: int, rows: int = 1) -> nn.Conv2d:
    """Convolution over `filters` frames to either side, and over all of `rows`."""
    return nn.Conv2d(1, channels, (rows, 2 * filters + 1), padding=(0, filters), bias=False)


def convolved(conv: nn.Module, rows: Tensor) -> Tensor:
    """Apply `location_conv` to rows (n, B, beam, T) of weights: (B, beam, T, C)."""
    flat = conv(rows.flatten(1, 2).transpose(0, 1).unsqueeze(1))  # (B · beam, C, 1, T)
    return flat.squeeze(2).transpose(1, 2).unflatten(0, rows.shape[1:3])
