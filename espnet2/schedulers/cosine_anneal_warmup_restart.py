"""Cosine annealing with warm-up and restarts (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class CosineAnnealingWarmupRestarts(LRScheduler):
    """Cycles of linear warm-up and cosine annealing between `min_lr` and `max_lr`; the optimiser's rate is not used.

    Args:
        first_cycle_steps: steps of the first cycle.
        cycle_mult: factor by which the annealing lengthens from cycle to cycle.
        max_lr, min_lr: highest and lowest rate.
        warmup_steps: warm-up steps of every cycle.
        gamma: factor of the highest rate from cycle to cycle.

    Raises:
        ValueError: a cycle has no more steps than its warm-up.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        first_cycle_steps: int,
        cycle_mult: float = 1.0,
        max_lr: float = 0.1,
        min_lr: float = 0.001,
        warmup_steps: int = 0,
        gamma: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        if warmup_steps >= first_cycle_steps:
            raise ValueError(f"first_cycle_steps: expected more than warmup_steps, found {first_cycle_steps}")
        self.first_cycle_steps = first_cycle_steps
        self.cycle_mult = cycle_mult
        self.max_lr = max_lr
        self.min_lr = min_lr
        self.warmup_steps = warmup_steps
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step, length, highest = self.last_epoch, self.first_cycle_steps, self.max_lr
        while step >= length:
            step -= length
            length = int((length - self.warmup_steps) * self.cycle_mult) + self.warmup_steps
            highest *= self.gamma
        if step < self.warmup_steps:
            part = step / self.warmup_steps
        else:
            part = (1 + math.cos(math.pi * (step - self.warmup_steps) / (length - self.warmup_steps))) / 2
        return [self.min_lr + (highest - self.min_lr) * part for _ in self.base_lrs]
