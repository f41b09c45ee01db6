"""Tri-stage learning rates: warm-up, hold, decay (Baevski et al. 2020)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class TristageLR(LRScheduler):
    """Linear warm-up from lr · `init_lr_scale` to lr, hold, exponential decay to lr · `final_lr_scale`.

    The stages have ratios of `max_steps` that add up to 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_steps: int | float = 25000,
        warmup_ratio: float = 0.1,
        hold_ratio: float = 0.4,
        decay_ratio: float = 0.5,
        init_lr_scale: float = 0.01,
        final_lr_scale: float = 0.01,
        last_epoch: int = -1,
    ) -> None:
        if not math.isclose(warmup_ratio + hold_ratio + decay_ratio, 1.0):
            raise ValueError(
                f"warmup_ratio, hold_ratio, decay_ratio: expected a sum of 1, found {warmup_ratio}, {hold_ratio}, "
                f"{decay_ratio}"
            )
        self.max_steps = max_steps
        self.stages = tuple(int(max_steps * ratio) for ratio in (warmup_ratio, hold_ratio, decay_ratio))
        self.init_lr_scale = init_lr_scale
        self.final_lr_scale = final_lr_scale
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step = self.last_epoch + 1
        rise, stay, fall = self.stages
        if step < rise:
            scale = self.init_lr_scale + (1 - self.init_lr_scale) * step / rise
        elif step <= rise + stay:
            scale = 1.0
        elif step < rise + stay + fall:
            scale = math.exp(math.log(self.final_lr_scale) * (step - rise - stay) / fall)
        else:
            scale = self.final_lr_scale
        return [lr * scale for lr in self.base_lrs]
