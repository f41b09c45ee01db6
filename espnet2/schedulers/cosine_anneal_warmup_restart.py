"""Learning rates in cycles: a line up, and half a cosine down (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class CosineAnnealingWarmupRestarts(LRScheduler):
    """Cycles between `min_lr` and `max_lr`, whatever the optimiser's rate.

    Args:
        first_cycle_steps: steps of the first cycle.
        cycle_mult: how much longer the fall of the next cycle is.
        max_lr, min_lr: the rates between which it goes.
        warmup_steps: steps of the line up, in every cycle.
        gamma: by which the highest rate of the next cycle is multiplied.

    Raises:
        ValueError: a cycle does not have more steps than its line up.
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
