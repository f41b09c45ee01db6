"""Exponential decay with warm-up."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class ExponentialDecayWarmup(LRScheduler):
    """Exponential decay from `max_lr` after `warmup_steps` to `min_lr` after `total_steps`.

    With `warm_from_zero`, warm-up is linear from 0. Otherwise it has the optimiser's own rate, except for the first
    step, which has `max_lr`, as in upstream.

    Raises:
        ValueError: there are no steps after the warm-up.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        min_lr: float,
        total_steps: int,
        warmup_steps: int = 0,
        warm_from_zero: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps <= warmup_steps:
            raise ValueError(f"total_steps: expected more than warmup_steps, found {total_steps}")
        self.max_lr = max_lr
        self.min_lr = min_lr
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.warm_from_zero = warm_from_zero
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step = self.last_epoch
        if step >= self.warmup_steps and (step or not self.warm_from_zero):
            part = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
            return [self.max_lr * (self.min_lr / self.max_lr) ** part for _ in self.base_lrs]
        if self.warm_from_zero:
            rate = self.max_lr * (step + 1) / self.warmup_steps if step else 0.0
            return [rate for _ in self.base_lrs]
        return list(self.base_lrs) if step else [self.max_lr for _ in self.base_lrs]
