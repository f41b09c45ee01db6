"""Moving average equipped gated attention (Ma et al. 2022) with one head, over label sequences.

Shapes: B sequences, U labels, D model, K size of queries and keys, V of values, S labels in the memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from espnet2.asr_transducer.decoder.modules.mega.multi_head_damped_ema import MultiHeadDampedEMA
from espnet2.interface import spec

State = tuple[str, tuple[spec.Axis, ...], str]


class GrowingMemory:
    """Keys and values of all labels so far."""

    def states(self, qk_size: int, v_size: int) -> tuple[State, ...]:
        """Name, axes after those of hypotheses, and dtype of each state."""
        return ("cache_key", ("past", qk_size), "float32"), ("cache_value", ("past", v_size), "float32")

    def visible(self, distances: Tensor, position: Tensor) -> Tensor:
        """Mask of visible keys (U, S) for distances (U, S): a query's own label and earlier ones."""
        return distances <= 0

    def add(self, key: Tensor, value: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Append one label to the memory.

        Args:
            key, value: (B, K), (B, V).
            keys, values: (B, past, K), (B, past, V).

        Returns:
            distances of the memory's labels from this one, (1, S) int64, and the states with it.
        """
        keys, values = torch.cat([keys, key.unsqueeze(1)], dim=1), torch.cat([values, value.unsqueeze(1)], dim=1)
        return torch.arange(1 - keys.shape[1], 1, device=keys.device).unsqueeze(0), (keys, values)


class ChunkMemory:
    """Keys and values of the labels of the current chunk.

    Args:
        size: C, labels per chunk.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def states(self, qk_size: int, v_size: int) -> tuple[State, ...]:
        """As in `GrowingMemory`; `position` is the number of labels so far."""
        caches = (("cache_key", (self.size, qk_size), "float32"), ("cache_value", (self.size, v_size), "float32"))
        return *caches, ("position", (), "int64")

    def visible(self, distances: Tensor, position: Tensor) -> Tensor:
        """As in `GrowingMemory`, within the query's own chunk; position: (U, 1) of the queries."""
        return (distances <= 0) & (distances >= -(position % self.size))

    def add(
        self, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, position: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As in `GrowingMemory`, with keys (B, C, K), values (B, C, V), position (B,) and distances (B, C)."""
        distances = torch.arange(self.size, device=keys.device) - (position % self.size).unsqueeze(1)
        here = (distances == 0).unsqueeze(2)
        keys, values = torch.where(here, key.unsqueeze(1), keys), torch.where(here, value.unsqueeze(1), values)
        return distances, (keys, values, position + 1)


class MEGA(nn.Module):
    """Gated attention whose queries, keys and gates come from a moving average, and whose values from the labels.

    Args:
        size: D.
        qk_size: K.
        v_size: V.
        ema: the moving average of D features.
        rel_pos_bias: bias of scores by distance.
        activation: of values and gates.
        normalization: of D features.
        memory: which labels attention reads.
        dropout_rates: dropout of the output, of the attention's weights, and of the average.
    """

    def __init__(
        self,
        size: int,
        qk_size: int,
        v_size: int,
        ema: MultiHeadDampedEMA,
        rel_pos_bias: nn.Module,
        activation: nn.Module,
        normalization: nn.Module,
        memory: GrowingMemory | ChunkMemory,
        dropout_rates: tuple[float, float, float],
    ):
        super().__init__()
        self.sizes, self.scaling, self.memory = (size, qk_size, v_size, size), qk_size**-0.5, memory
        self.qk_weight = nn.Parameter(0.02 * torch.randn(2, qk_size))
        self.qk_bias = nn.Parameter(torch.zeros(2, qk_size))
        self.multihead_damped_ema = ema
        self.rel_pos_bias = rel_pos_bias
        self.proj_v = nn.Linear(size, v_size)
        self.proj_mx = nn.Linear(size, sum(self.sizes))
        self.proj_h = nn.Linear(v_size, size)
        self.activation = activation
        self.normalization = normalization
        self.dropout, self.dropout_attn, self.dropout_ema = map(nn.Dropout, dropout_rates)

    def states(self) -> tuple[State, ...]:
        """Name, axes after those of hypotheses, and dtype of the states of `step`."""
        _, qk_size, v_size, _ = self.sizes
        return ("ema", self.multihead_damped_ema.state_sizes, "float32"), *self.memory.states(qk_size, v_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, U, D) → (B, U, D)."""
        positions = torch.arange(x.shape[1], device=x.device)
        distances = positions - positions.unsqueeze(1)
        visible = self.memory.visible(distances, positions.unsqueeze(1))
        query, key, *gates = self._projected(self.multihead_damped_ema(x))
        value = self.activation(self.proj_v(x))
        return self._gated(x, self._attended(query, key, value, distances, visible), gates)

    def step(self, x: Tensor, ema: Tensor, *memory: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One label (B, D) and the states (B, ...) before it → (B, D), and the states after it."""
        average, ema = self.multihead_damped_ema.step(x, ema)
        query, key, *gates = self._projected(average)
        distances, memory = self.memory.add(key, self.activation(self.proj_v(x)), *memory)
        keys, values = memory[:2]
        distances = distances.unsqueeze(1)
        attended = self._attended(query.unsqueeze(1), keys, values, distances, distances <= 0)
        return self._gated(x, attended.squeeze(1), gates), (ema, *memory)

    def _projected(self, average: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Query, key, and the gates of input, attention and output."""
        update, shared, attention, output = self.proj_mx(self.dropout_ema(average)).split(self.sizes, dim=-1)
        query, key = (self.activation(shared).unsqueeze(-2) * self.qk_weight + self.qk_bias).unbind(-2)
        return query * self.scaling, key, update.sigmoid(), self.activation(attention), output

    def _attended(self, query: Tensor, key: Tensor, value: Tensor, distances: Tensor, visible: Tensor) -> Tensor:
        """query (B, U, K), key (B, S, K), value (B, S, V), distances and visible (..., U, S) → (B, U, V)."""
        bias = self.rel_pos_bias(distances).masked_fill(~visible, float("-inf"))
        weights = (query @ key.transpose(1, 2) + bias).softmax(-1)
        return self.dropout_attn(weights) @ value

    def _gated(self, x: Tensor, attended: Tensor, gates: list[Tensor]) -> Tensor:
        update, attention, output = gates
        candidate = self.dropout(self.activation(output + self.proj_h(attended * attention)))
        return self.normalization(x + update * (candidate - x))


class MEGABlock(nn.Sequential):
    """Gated attention, then a feed-forward layer."""

    def step(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """One label (B, D) and the states (B, ...) before it → (B, D), and the states after it."""
        attention: Any
        attention, feed_forward = self
        x, after = attention.step(x, *states)
        return feed_forward(x), *after
