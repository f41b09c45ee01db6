"""Attention of BEATs (Chen et al. 2022): bucketed relative positions, gated by the query."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.pretrained.layer import ProjAttention
from espnet.nets.pytorch_backend.transformer.attention import QUERY, as_bias

GATES = 2  # update and reset
GATE_UNITS = 4  # numbers that are summed to give a gate


class RelativeBuckets(nn.Module):
    """Bucketed bias of relative positions: similar distances share a bias (Raffel et al. 2020).

    Args:
        num_buckets: half of them are for keys after the query.
        max_distance: distance from which on all distances share one bucket.
    """

    table: Tensor

    def __init__(self, num_buckets: int, max_distance: int):
        super().__init__()
        self.each_side = num_buckets // 2
        self.max_distance = max_distance
        self.register_buffer("table", self._table(), persistent=False)

    def _table(self) -> Tensor:
        """The bucket of each distance from 0 to `max_distance`."""
        exact = self.each_side // 2
        distance = torch.arange(self.max_distance + 1)
        # The logarithm is taken in float32, as in a graph, since it decides the borders of the buckets.
        octaves = torch.log(distance.clamp(min=1).float() / exact) / math.log(self.max_distance / exact)
        coarse = (exact + (octaves * (self.each_side - exact)).to(torch.int64)).clamp(max=self.each_side - 1)
        return torch.where(distance < exact, distance, coarse)

    def forward(self, embedding: Tensor, frames: int) -> Tensor:
        """The bias (H, T, T) of query i and key j."""
        distance = torch.arange(1 - frames, frames, device=embedding.device)
        buckets = self.table[distance.abs().clamp(max=self.max_distance)] + (distance > 0) * self.each_side
        place = torch.arange(frames, device=embedding.device)
        index = place.unsqueeze(0) - place.unsqueeze(1) + frames - 1
        return embedding[buckets].transpose(0, 1)[:, index]


class GatedAttention(ProjAttention):
    """Attention to which a bias of relative positions is added.

    Args:
        n_head: H.
        n_feat: D.
        embedding: the bias of each bucket and head; None for attention without positions.
        gated: weight the bias by a gate computed from the query.
    """

    def __init__(self, n_head: int, n_feat: int, embedding: nn.Embedding | None, gated: bool):
        super().__init__(n_head, n_feat, 0.0)
        self.relative_attention_bias = embedding
        self.gated = gated
        if gated:
            self.grep_linear = nn.Linear(self.d_k, GATES * GATE_UNITS)
            self.grep_a = nn.Parameter(torch.ones(1, n_head, 1, 1))

    def gate(self, q: Tensor) -> Tensor:
        """The weight (B, H, T, 1) of the bias for each query (B, H, T, D/H)."""
        gates = self.grep_linear(q).unflatten(-1, (GATES, GATE_UNITS)).sum(dim=-1)
        update, reset = torch.sigmoid(gates).chunk(GATES, dim=-1)
        return update * (reset * self.grep_a - 1.0) + 2.0

    def attend_self(self, x: Tensor, mask: Tensor | None, pos_emb: Tensor | None) -> Tensor:
        """Self-attention: x (B, T, D), bias of positions `pos_emb` (H, T, T) → (B, T, D)."""
        q = self.split_heads(self.project(QUERY, x))
        scores = pos_emb if pos_emb is None or not self.gated else self.gate(q) * pos_emb
        return self.attend(q, *self.project_memory(x, x), as_bias(mask, x.dtype), scores)
