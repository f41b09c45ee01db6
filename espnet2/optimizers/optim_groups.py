"""Groups of parameters with and without weight decay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

NORMALIZATIONS = (
    torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d, torch.nn.GroupNorm, torch.nn.InstanceNorm1d,
    torch.nn.InstanceNorm2d, torch.nn.InstanceNorm3d, torch.nn.LayerNorm, torch.nn.LocalResponseNorm,
    torch.nn.SyncBatchNorm,
)  # fmt: skip


def decay_groups(
    model: torch.nn.Module, bias_weight_decay: bool = False, normalization_weight_decay: bool = False
) -> list[dict]:
    """Split parameters that need gradients into two groups for an optimiser: with and without weight decay.

    Args:
        bias_weight_decay: apply weight decay to biases.
        normalization_weight_decay: apply it to weights of normalisation.
    """
    without = {
        parameter
        for parameter, is_bias, normalises in _parameters(model)
        if (is_bias and not bias_weight_decay) or (normalises and not normalization_weight_decay)
    }
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict] = [{"params": [parameter for parameter in trained if parameter not in without]}]
    if any(parameter in without for parameter in trained):
        groups.append({"params": [parameter for parameter in trained if parameter in without], "weight_decay": 0.0})
    return groups


def configure_optimizer(
    model: torch.nn.Module,
    optim_class: type[torch.optim.Optimizer],
    optim_conf: dict[str, Any],
    weight_decay_conf: dict[str, bool],
) -> torch.optim.Optimizer:
    """Make an optimiser of a model's `decay_groups`.

    Args:
        optim_class: its class.
        optim_conf: its options.
        weight_decay_conf: options of `decay_groups`.
    """
    return optim_class(decay_groups(model, **weight_decay_conf), **optim_conf)


def _parameters(model: torch.nn.Module) -> Iterator[tuple[torch.nn.Parameter, bool, bool]]:
    """Every parameter, whether it is a bias, and whether it belongs to a normalisation layer."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            yield parameter, "bias" in name, isinstance(module, NORMALIZATIONS)
