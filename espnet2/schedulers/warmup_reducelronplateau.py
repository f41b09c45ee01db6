"""Linear warm-up, then reduction on a plateau."""

from __future__ import annotations

from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from espnet2.schedulers.warmup_lr import require_warmup


class WarmupReduceLROnPlateau(ReduceLROnPlateau):
    """Scheduler of lr · step / warmup in the first `warmup_steps` steps, then PyTorch's `ReduceLROnPlateau`.

    The rate of the first step is lr, as in upstream.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int | float = 25000,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 0.0001,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-08,
        verbose: bool = False,
    ) -> None:
        require_warmup(warmup_steps)
        self.warmup_steps = warmup_steps
        self.step_num = 0
        self.warmup_lrs = [group["lr"] for group in optimizer.param_groups]
        super().__init__(optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps)

    def step(self, metrics: Any = None, epoch: int | None = None) -> None:  # type: ignore[override]
        """Advance: after a step without a value, after an epoch with the monitored value."""
        if metrics is not None:
            super().step(metrics)
            return
        self.step_num += 1
        if self.step_num <= self.warmup_steps:
            for group, lr in zip(self.optimizer.param_groups, self.warmup_lrs, strict=True):
                group["lr"] = lr * self.step_num / self.warmup_steps
