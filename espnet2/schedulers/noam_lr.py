"""Learning rates of the first Transformer (Vaswani et al. 2017); `warmuplr` is the same with a readable peak rate."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from espnet2.schedulers.warmup_lr import require_warmup


class NoamLR(LRScheduler):
    """Scheduler of lr · model_size^-0.5 · min(step^-0.5, step · warmup^-1.5)."""

    def __init__(
        self,
        optimizer: Optimizer,
        model_size: int | float = 320,
        warmup_steps: int | float = 25000,
        last_epoch: int = -1,
    ) -> None:
        require_warmup(warmup_steps)
        self.model_size = model_size
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, last_epoch)

    def lr_for_WarmupLR(self, lr: float) -> float:
        """Return the rate of an equivalent `WarmupLR`."""
        return lr / (self.model_size * self.warmup_steps) ** 0.5

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next step."""
        step = self.last_epoch + 1
        scale = self.model_size**-0.5 * min(step**-0.5, step * self.warmup_steps**-1.5)
        return [lr * scale for lr in self.base_lrs]
