"""Convolutions whose weights are gains times directions (Salimans and Kingma 2016), until these are folded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv2d, conv_transpose1d, conv_transpose2d

from espnet.nets.pytorch_backend.state_names import State, rename, upgrade_on_load

NAMES = ((r"parametrizations\.weight\.original0", "weight_g"), (r"parametrizations\.weight\.original1", "weight_v"))


class WeightNorm(nn.Module):
    """Base of convolutions with a weight, or with `weight_g` and `weight_v` (PyTorch's names before release 2.1)."""

    weight: Any
    weight_g: nn.Parameter
    weight_v: nn.Parameter
    normed = False

    def apply_weight_norm(self) -> None:
        """Split the weight into gains and directions."""
        if not self.normed:
            weight = self.weight.detach()
            del self.weight
            self.weight_g = nn.Parameter(_length(weight))
            self.weight_v = nn.Parameter(weight.clone())
            self.normed = True
            upgrade_on_load(self)

    def remove_weight_norm(self) -> None:
        """Fold gains and directions into the weight."""
        if self.normed:
            weight = self.folded().detach()
            del self.weight_g, self.weight_v
            self.weight = nn.Parameter(weight)
            self.normed = False

    def folded(self) -> Tensor:
        """The weight."""
        return self.weight_v * (self.weight_g / _length(self.weight_v)) if self.normed else self.weight

    def upgrade_state(self, state: State, prefix: str) -> None:
        """Take gains and directions under the names that PyTorch gives them since release 2.1."""
        rename(state, prefix, NAMES)


def _length(weight: Tensor) -> Tensor:
    """Length of each first index' weights: (C, 1, ...)."""
    return weight.square().sum(dim=tuple(range(1, weight.ndim)), keepdim=True).sqrt()


class NormedConv1d(WeightNorm, nn.Conv1d):
    """A convolution over time, also of images of one row: onnxruntime's blocked kernels, which take three quarters of
    the time or less, are for images alone."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, T) → (B, C', T'), or (B, C, 1, T) → (B, C', 1, T')."""
        if input.dim() == 3:
            return conv1d(input, self.folded(), self.bias, self.stride, self.padding, self.dilation, self.groups)
        options: Any = ((1, *self.stride), (0, *self.padding), (1, *self.dilation), self.groups)
        return conv2d(input, self.folded().unsqueeze(2), self.bias, *options)


class NormedConv2d(WeightNorm, nn.Conv2d):
    """A convolution over two axes."""

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, T, F) → (B, C', T', F')."""
        return conv2d(input, self.folded(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class NormedConvTranspose1d(WeightNorm, nn.ConvTranspose1d):
    """A transposed convolution over time, also of images of one row; see `NormedConv1d`."""

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """(B, C, T) → (B, C', T'), or (B, C, 1, T) → (B, C', 1, T')."""
        options: Any = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        if input.dim() == 3:
            return conv_transpose1d(input, self.folded(), self.bias, *options)
        stride, padding, more, groups, dilation = options
        options = ((1, *stride), (0, *padding), (0, *more), groups, (1, *dilation))
        return conv_transpose2d(input, self.folded().unsqueeze(2), self.bias, *options)


def normed_modules(module: nn.Module) -> list[WeightNorm]:
    """The convolutions of a module whose weights may be split."""
    return [part for part in module.modules() if isinstance(part, WeightNorm)]


def apply_weight_norm(module: nn.Module) -> None:
    """Split the weights of all convolutions of a module into gains and directions."""
    for part in normed_modules(module):
        part.apply_weight_norm()


def remove_weight_norm(module: nn.Module) -> None:
    """Fold the gains and directions of all convolutions of a module."""
    for part in normed_modules(module):
        part.remove_weight_norm()


class WeightNormed(nn.Module):
    """Base of networks of these convolutions."""

    def apply_weight_norm(self) -> None:
        """Split the weights of all convolutions into gains and directions."""
        apply_weight_norm(self)

    def remove_weight_norm(self) -> None:
        """Fold the gains and directions of all convolutions."""
        remove_weight_norm(self)


@torch.no_grad()
def draw_weights(module: nn.Module, deviation: float) -> None:
    """Draw the weights of convolutions from a normal distribution around 0."""
    for part in normed_modules(module):
        nn.init.normal_(part.weight, 0.0, deviation)
