"""A stack of equal layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.nets_utils import require_rates


class MultiSequential(nn.Sequential):
    """Layers that are called one after another with the same further arguments.

    Args:
        layer_drop_rate: probability that training skips a layer (Fan et al. 2020, "LayerDrop").
    """

    def __init__(self, *args: nn.Module, layer_drop_rate: float = 0.0):
        super().__init__(*args)
        require_rates(layer_drop_rate=layer_drop_rate)
        self.layer_drop_rate = layer_drop_rate

    def active(self) -> Iterator[tuple[int, nn.Module]]:
        """The layers of this call, each with its number; all of them outside of training."""
        for index, layer in enumerate(self):
            if not (self.training and torch.rand(()).item() < self.layer_drop_rate):
                yield index, layer

    def forward(self, input: Tensor, *context: Any) -> Tensor:
        """Any shape → the last layer's result; every layer is called as `layer(x, *context)`."""
        for _, layer in self.active():
            input = layer(input, *context)
        return input


def repeat(N: int, fn: Callable[[int], nn.Module], layer_drop_rate: float = 0.0) -> MultiSequential:
    """Stack `fn(0)` to `fn(N - 1)`."""
    return MultiSequential(*(fn(index) for index in range(N)), layer_drop_rate=layer_drop_rate)
