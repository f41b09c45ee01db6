"""Layers with low-rank adapters (Hu et al. 2022): weight + alpha / rank B A, where A and B are new parameters.

Keys of the state dict are those of package loralib: the layer's own, `lora_A` and `lora_B`. As there, the weight
includes the adapter in evaluation mode only. A model saved in evaluation mode is complete without its adapters; a state
dict must be loaded in the mode in which it was saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Layer = TypeVar("Layer", bound="LowRank")


class LowRank(nn.Module):
    """Base of such layers: `lora_A` (rank, columns) and `lora_B` (rows, rank), one of which is zero at first.

    Args:
        rows, columns: size of the weight as a matrix.
        rank: rank of the adapter.
        alpha: scale of the adapter times its rank.
        dropout_rate: dropout of the adapter's input.
    """

    weight: Tensor
    merged = False  # whether the weight includes the adapter

    def adapt(self, rows: int, columns: int, rank: int, alpha: int, dropout_rate: float) -> None:
        """Make the parameters."""
        self.lora_A = nn.Parameter(torch.empty(rank, columns))
        self.lora_B = nn.Parameter(torch.zeros(rows, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scaling = alpha / rank
        self.lora_dropout = nn.Dropout(dropout_rate)

    def change(self) -> Tensor:
        """Compute the adapter's contribution to the weight, in its shape."""
        return (self.lora_B @ self.lora_A).view(self.weight.shape) * self.scaling

    def train(self: Layer, mode: bool = True) -> Layer:
        """Subtract the adapter from the weight for training, or add it for evaluation."""
        super().train(mode)
        if self.merged == mode:
            with torch.no_grad():
                self.weight.add_(self.change(), alpha=-1.0 if mode else 1.0)
            self.merged = not mode
        return self


class LoRALinear(nn.Linear, LowRank):
    """A linear layer with an adapter."""

    def forward(self, input: Tensor) -> Tensor:
        """(..., in) → (..., out)."""
        output = super().forward(input)
        if self.merged:
            return output
        return output + self.lora_dropout(input) @ self.lora_A.T @ self.lora_B.T * self.scaling


class LoRAEmbedding(nn.Embedding, LowRank):
    """An embedding with an adapter."""

    def forward(self, input: Tensor) -> Tensor:
        """(...) int64 → (..., out)."""
        if self.merged:
            return super().forward(input)
        read = nn.functional.embedding(input, self.lora_A.T)
        return super().forward(input) + read @ self.lora_B.T * self.scaling

    def change(self) -> Tensor:
        """Compute the adapter's contribution to the weight (tokens, out)."""
        return (self.lora_B @ self.lora_A).T * self.scaling


class LoRAConv2d(nn.Conv2d, LowRank):
    """A convolution with an adapter of its kernel."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, T, F) → (B, C', T', F')."""
        if self.merged:
            return super().forward(input)
        return super().forward(input) + self._conv_forward(self.lora_dropout(input), self.change(), None)


def _linear(layer: nn.Linear) -> tuple[nn.Module, int, int, int]:
    new = LoRALinear(layer.in_features, layer.out_features, layer.bias is not None)
    return new, layer.out_features, layer.in_features, 1


def _embedding(layer: nn.Embedding) -> tuple[nn.Module, int, int, int]:
    new = LoRAEmbedding(layer.num_embeddings, layer.embedding_dim, layer.padding_idx)
    return new, layer.embedding_dim, layer.num_embeddings, 1


def _conv(layer: nn.Conv2d) -> tuple[nn.Module, int, int, int]:
    kernel, width = layer.kernel_size
    options: dict[str, Any] = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
    new = LoRAConv2d(layer.in_channels, layer.out_channels, (kernel, width), **options, bias=layer.bias is not None)
    return new, layer.out_channels // layer.groups * kernel, layer.in_channels * kernel, kernel


# Replacement of each layer, rows and columns of its weight, and factor of the rank.
ADAPTED: dict[type[nn.Module], Callable[[Any], tuple[nn.Module, int, int, int]]] = {
    nn.Embedding: _embedding,
    nn.Conv2d: _conv,
    nn.Linear: _linear,
}


def with_adapter(layer: nn.Module, rank: int, alpha: int, dropout_rate: float) -> nn.Module:
    """Return the layer with an adapter, whose output is unchanged before training; raises `ValueError` for other
    layers."""
    kind = next((kind for kind in ADAPTED if isinstance(layer, kind)), None)
    if kind is None:
        names = ", ".join(f"nn.{known.__name__}" for known in ADAPTED)
        raise ValueError(f"target_modules: expected layers {names}, found {type(layer).__name__}")
    new, rows, columns, times = ADAPTED[kind](layer)
    new.adapt(rows, columns, rank * times, alpha * times, dropout_rate)  # type: ignore[operator]
    new.load_state_dict(layer.state_dict(), strict=False)
    return new.to(layer.weight.device).train(layer.training)  # type: ignore[arg-type]
