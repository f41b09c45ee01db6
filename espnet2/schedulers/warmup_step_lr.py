"""Linear warm-up, then step decay by epochs."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from espnet2.schedulers.warmup_lr import require_warmup


class WarmupStepLR(LRScheduler):
    """Scheduler of lr · step / warmup, then lr · gamma^(epochs since then // step_size); epochs of `steps_per_epoch`
    steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int | float = 25000,
        steps_per_epoch: int = 10000,
        step_size: int = 1,
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        require_warmup(warmup_steps)
        self.warmup_steps = warmup_steps
        self.steps_per_epoch = steps_per_epoch
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step = self.last_epoch + 1
        if step <= self.warmup_steps:
            scale = step / self.warmup_steps
        else:
            epochs = step // self.steps_per_epoch - self.warmup_steps // self.steps_per_epoch
            scale = self.gamma ** (epochs // self.step_size)
        return [lr * scale for lr in self.base_lrs]
