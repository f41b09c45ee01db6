"""Initialisation of weights (config key `init`)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from espnet.nets.pytorch_backend.transformer.layer_norm import LayerNorm

Fill = Callable[[Tensor], object]

# Initialisers of tensors with two dimensions or more.
FILLS: Mapping[str, Fill] = {
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": functools.partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "kaiming_normal": functools.partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "normal": functools.partial(nn.init.normal_, mean=0.0, std=0.02),
}
INITIALIZERS = ("chainer", *FILLS)
OWN = (nn.Embedding, nn.LayerNorm, nn.GroupNorm, LayerNorm)  # layers that keep PyTorch's initialisation
HOOK = "espnet_initialization_fn"  # method of modules with their own initialisation


@torch.no_grad()
def initialize(model: nn.Module, init: str) -> None:
    """Initialise all weights of a model.

    Args:
        model: changed in place.
        init: "chainer" (normal, with a variance of one by the number of inputs; LeCun et al. 1998), "xavier_uniform",
            "xavier_normal" (Glorot and Bengio 2010), "kaiming_uniform", "kaiming_normal" (He et al. 2015), or "normal"
            (standard deviation 0.02). Biases become zero.

    Raises:
        ValueError: an unknown name.
    """
    if init not in INITIALIZERS:
        raise ValueError(f"init: expected one of {', '.join(INITIALIZERS)}, found {init!r}")
    draw = _chainer if init == "chainer" else _all_but_vectors
    draw(model, init)
    for module in model.modules():
        if hasattr(module, HOOK):
            getattr(module, HOOK)()


def _all_but_vectors(model: nn.Module, init: str) -> None:
    """Set biases to zero, leave other vectors unchanged, and reset some layers to PyTorch's initialisation."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            FILLS[init](parameter)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1 and ".bias" in name:
            parameter.zero_()
    for module in model.modules():
        if isinstance(module, OWN):
            module.reset_parameters()


def _chainer(model: nn.Module, _: str) -> None:
    """Initialise as Chainer does, except embeddings, and forget gates, whose bias is 1 (Jozefowicz et al. 2015)."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1 and ".bias" in name:
            parameter.zero_()
        elif parameter.dim() > 0:
            inputs = parameter.shape[0] if parameter.dim() == 1 else math.prod(parameter.shape[1:])
            parameter.normal_(0.0, 1.0 / math.sqrt(inputs))
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            module.weight.normal_(0.0, 1.0)
        if isinstance(module, nn.RNNCellBase):
            _open_forget_gate(module.bias_ih)
        if isinstance(module, nn.RNNBase):
            for name, parameter in module.named_parameters():
                if "bias" in name:
                    _open_forget_gate(parameter)


def _open_forget_gate(bias: Tensor) -> None:
    gate = len(bias) // 4
    bias[gate : 2 * gate].fill_(1.0)
