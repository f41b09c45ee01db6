"""Piecewise linear warm-up, then decay with the inverse square root of the step."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class PiecewiseLinearWarmupLR(LRScheduler):
    """Linear interpolation between points (step, rate); after the last one, at step w, lr · (w / step)^0.5.

    Raises:
        ValueError: the lists have different lengths, or steps do not increase.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps_list: list[int | float] = [0, 25000],  # noqa: B006 - never changed; the schema's default
        warmup_lr_list: list[float] = [0.0, 0.001],  # noqa: B006
        last_epoch: int = -1,
    ) -> None:
        steps = list(warmup_steps_list)
        if len(steps) != len(warmup_lr_list) or any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError(f"warmup_steps_list: expected rising steps, one for each rate, found {steps}")
        self.warmup_steps_list, self.warmup_lr_list = steps, list(warmup_lr_list)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step = self.last_epoch + 1
        points = list(zip(self.warmup_steps_list, self.warmup_lr_list, strict=True))
        if step > points[-1][0]:
            return [lr * (points[-1][0] / step) ** 0.5 for lr in self.base_lrs]
        rate = points[0][1]
        for (start, low), (end, high) in pairwise(points):
            if start <= step <= end:
                rate = low + (high - low) * (step - start) / (end - start)
                break
        return [rate for _ in self.base_lrs]
