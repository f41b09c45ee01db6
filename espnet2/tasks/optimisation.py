"""Choices of optimisers and of learning rate schedules."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from espnet2.interface.errors import ConfigError
from espnet2.tasks.choices import Choices

if TYPE_CHECKING:
    import torch

_OPTIM = "torch.optim:"
OPTIM = Choices(
    "optim",
    {
        "adam": _OPTIM + "Adam",
        "adamw": _OPTIM + "AdamW",
        "sgd": "espnet2.optimizers.sgd:SGD",
        "adadelta": _OPTIM + "Adadelta",
        "adagrad": _OPTIM + "Adagrad",
        "adamax": _OPTIM + "Adamax",
        "asgd": _OPTIM + "ASGD",
        "lbfgs": _OPTIM + "LBFGS",
        "rmsprop": _OPTIM + "RMSprop",
        "rprop": _OPTIM + "Rprop",
        "radam": _OPTIM + "RAdam",
    },
    default="adadelta",
    part_of_model=False,
)
_TORCH = "torch.optim.lr_scheduler:"
_OWN = "espnet2.schedulers."
SCHEDULER = Choices(
    "scheduler",
    {
        "reducelronplateau": _TORCH + "ReduceLROnPlateau",
        "steplr": _TORCH + "StepLR",
        "multisteplr": _TORCH + "MultiStepLR",
        "exponentiallr": _TORCH + "ExponentialLR",
        "cosineannealinglr": _TORCH + "CosineAnnealingLR",
        "noamlr": _OWN + "noam_lr:NoamLR",
        "warmuplr": _OWN + "warmup_lr:WarmupLR",
        "piecewiselinearwarmuplr": _OWN + "piecewise_linear_warmup_lr:PiecewiseLinearWarmupLR",
        "warmupsteplr": _OWN + "warmup_step_lr:WarmupStepLR",
        "warmupreducelronplateau": _OWN + "warmup_reducelronplateau:WarmupReduceLROnPlateau",
        "cycliclr": _TORCH + "CyclicLR",
        "onecyclelr": _TORCH + "OneCycleLR",
        "cosineannealingwarmrestarts": _TORCH + "CosineAnnealingWarmRestarts",
        "cosineannealingwarmuprestarts": _OWN + "cosine_anneal_warmup_restart:CosineAnnealingWarmupRestarts",
        "tristagelr": _OWN + "tristage_lr:TristageLR",
        "exponentialdecaywarmup": _OWN + "exponential_decay_warmup:ExponentialDecayWarmup",
    },
    optional=True,
    part_of_model=False,
)


def optimizer_of(args: Namespace, model: torch.nn.Module, section: str = "optim") -> torch.optim.Optimizer:
    """Build the optimiser of a model's parameters by `section` and `exclude_weight_decay`; raises `ConfigError`."""
    parameters: Any = list(model.parameters())
    if args.exclude_weight_decay:
        from espnet2.optimizers.optim_groups import decay_groups

        try:
            parameters = decay_groups(model, **args.exclude_weight_decay_conf)
        except TypeError as error:
            raise ConfigError(f"exclude_weight_decay_conf: {error}") from error
    choices = replace(OPTIM, section=section)
    return choices.build(getattr(args, section), getattr(args, f"{section}_conf"), params=parameters)


def scheduler_of(args: Namespace, optimizer: torch.optim.Optimizer, number: int = 1) -> Any:
    """Build the schedule of an optimiser, the first or the second; None without; raises `ConfigError`."""
    section = "scheduler" if number == 1 else f"scheduler{number}"
    choices = replace(SCHEDULER, section=section)
    return choices.build(getattr(args, section), getattr(args, f"{section}_conf"), optimizer=optimizer)
