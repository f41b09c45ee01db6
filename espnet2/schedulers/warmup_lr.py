"""Linear warm-up, then decay with the inverse square root of the step (Vaswani et al. 2017)."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class WarmupLR(LRScheduler):
    """Scheduler of lr · warmup^0.5 · min(step^-0.5, step · warmup^-1.5), which peaks at lr after `warmup_steps` steps.

    Raises:
        ValueError: `warmup_steps` is not above 0.
    """

    def __init__(self, optimizer: Optimizer, warmup_steps: int | float = 25000, last_epoch: int = -1) -> None:
        require_warmup(warmup_steps)
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, last_epoch)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(warmup_steps={self.warmup_steps})"

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step = self.last_epoch + 1
        scale = self.warmup_steps**0.5 * min(step**-0.5, step * self.warmup_steps**-1.5)
        return [lr * scale for lr in self.base_lrs]


def require_warmup(steps: float) -> None:
    """Raise `ValueError` for a number of steps that is not above 0."""
    if not steps > 0:
        raise ValueError(f"warmup_steps: expected a number above 0, found {steps}")
