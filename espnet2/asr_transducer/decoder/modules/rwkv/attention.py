"""Linear attention with a decay per channel (Peng et al. 2023, "RWKV: reinventing RNNs for the transformer era").

Shapes: B sequences, U labels, D model, A size of the attention.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LOWEST = -1e38  # smaller than any exponent, and well within float32's range


class SelfAttention(nn.Module):
    """Linear attention: a mean of the values so far, weighted by their keys and a decay with distance.

    Args:
        size: D.
        attention_size: A.
        block_id: index of the block, from 0.
        num_blocks: blocks of the decoder.
    """

    def __init__(self, size: int, attention_size: int, block_id: int, num_blocks: int):
        super().__init__()
        depth, left = block_id / max(num_blocks - 1, 1), 1 - block_id / num_blocks
        place = torch.arange(attention_size) / max(attention_size - 1, 1)
        self.time_decay = nn.Parameter(-5 + 8 * place ** (0.7 + 1.3 * depth))
        self.time_first = nn.Parameter(torch.ones(attention_size))
        share = (torch.arange(size) / size).view(1, 1, size)
        self.time_mix_key = nn.Parameter(share**left)
        self.time_mix_value = nn.Parameter(share**left + 0.3 * depth)
        self.time_mix_receptance = nn.Parameter(share ** (0.5 * left))
        self.proj_key = nn.Linear(size, attention_size)
        self.proj_value = nn.Linear(size, attention_size)
        self.proj_receptance = nn.Linear(size, attention_size)
        self.proj_output = nn.Linear(attention_size, size)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """x (B, U, D) and the label before each, (B, U, D) → (B, U, D)."""
        key, value, gate = self._projected(x, before)
        zeros = torch.zeros_like(key[:, 0])
        state, means = (zeros, zeros, zeros), []
        for pair in zip(key.unbind(1), value.unbind(1), strict=True):
            mean, state = self._mean(*pair, *state)
            means.append(mean)
        return self.proj_output(gate * torch.stack(means, dim=1))

    def step(self, x: Tensor, before: Tensor, *state: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One label (B, D), the one before it, and the state of `_mean` → (B, D), and the state after it."""
        key, value, gate = self._projected(x, before)
        mean, after = self._mean(key, value, *state)
        return self.proj_output(gate * mean), after

    def _projected(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key = self.proj_key(torch.lerp(before, x, self.time_mix_key[0]))
        value = self.proj_value(torch.lerp(before, x, self.time_mix_value[0]))
        return key, value, self.proj_receptance(torch.lerp(before, x, self.time_mix_receptance[0])).sigmoid()

    def _mean(
        self, key: Tensor, value: Tensor, total: Tensor, weight: Tensor, largest: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Update the weighted mean by one label.

        Args:
            key, value: (B, A), of the label.
            total, weight: (B, A), the sum of weighted values so far and that of weights, both over exp(`largest`);
                zeros before the first label.
            largest: (B, A), the largest exponent so far; not read before the first label.

        Returns:
            (B, A), and the three states after the label.
        """
        largest = torch.where(weight > 0, largest, LOWEST)
        bonus = self.time_first + key
        reference = torch.maximum(largest, bonus)
        old, new = (largest - reference).exp(), (bonus - reference).exp()
        mean = (old * total + new * value) / (old * weight + new)
        decayed = largest - self.time_decay.exp()
        reference = torch.maximum(decayed, key)
        old, new = (decayed - reference).exp(), (key - reference).exp()
        return mean, (old * total + new * value, old * weight + new, reference)
