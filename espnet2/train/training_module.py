"""Lightning module of a model and its optimiser."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from espnet2.interface.errors import ConfigError, reason_of
from espnet2.torch_utils.add_gradient_noise import add_gradient_noise
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.history import Meter, Stats

AFTER_STEPS = frozenset({
    "CyclicLR", "OneCycleLR", "CosineAnnealingWarmRestarts", "NoamLR", "WarmupLR", "PiecewiseLinearWarmupLR",
    "WarmupStepLR", "WarmupReduceLROnPlateau", "CosineAnnealingWarmupRestarts", "TristageLR",
    "ExponentialDecayWarmup",
})  # fmt: skip
READS_VALUE = ("ReduceLROnPlateau", "WarmupReduceLROnPlateau")
LAST = ("grad_norm", "clip", "loss_scale", "optim_step_time", "optim0_lr0", "train_time")
Batch = tuple[list[str], dict[str, Tensor]]


@dataclass(frozen=True)
class StepOptions:
    """Options of how gradients are treated, named as the options of training."""

    seed: int = 0
    grad_clip: float = 5.0
    grad_clip_type: float = 2.0
    grad_noise: bool = False
    accum_grad: int = 1


class TrainingModule(pl.LightningModule):
    """Training and validation steps; `train_meter` and `valid_meter` hold the statistics of the present epoch.

    Args:
        model: returns loss, statistics and weight of a batch.
        optimizer: of its parameters.
        scheduler: of the optimiser's rates, or None.
        options: see `StepOptions`.
    """

    def __init__(
        self,
        model: AbsESPnetModel,
        optimizer: torch.optim.Optimizer,
        scheduler: Any = None,
        options: StepOptions | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.pairs = [(optimizer, scheduler)]
        self.step_options = options or StepOptions()
        self.train_meter, self.step_meter, self.valid_meter = Meter(), Meter(), Meter()
        self.clock = _Clock()
        self.step_stats: dict[str, Any] = {}
        self.turn = ""  # begins the names of times
        self.good_steps = 0

    @property
    def reads_value(self) -> bool:
        """Whether a schedule reads a statistic."""
        return any(type(scheduler).__name__ in READS_VALUE for _, scheduler in self.pairs)

    def configure_optimizers(self) -> Any:
        """Return the optimisers; schedules step in this class, before the checkpoint of an epoch is written."""
        return [optimizer for optimizer, _ in self.pairs]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the states of the schedules."""
        states = [None if scheduler is None else scheduler.state_dict() for _, scheduler in self.pairs]
        if any(state is not None for state in states):
            checkpoint["schedulers"] = states

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the states of the schedules."""
        for number, (_, scheduler) in enumerate(self.pairs):
            if scheduler is not None:
                scheduler.load_state_dict(checkpoint["schedulers"][number])

    def on_train_epoch_start(self) -> None:
        """Reset the statistics."""
        self.train_meter, self.step_meter, self.good_steps = Meter(), Meter(), 0
        self.clock.lap()

    def on_validation_epoch_start(self) -> None:
        """Reset the statistics."""
        self.valid_meter = Meter()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Note how long loading the batch took."""
        self.step_stats = {"iter_time": self.clock.lap()}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the loss of a batch."""
        loss, stats, weight = self._measured("forward_time", lambda: self._forward(batch))
        self.train_meter.add(stats, weight)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Compute the statistics of a batch."""
        _, stats, weight = self._forward(batch)
        self.valid_meter.add(stats, weight)

    def _forward(self, batch: Batch, **turn: bool) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Compute loss, statistics and weight over the batches of all processes."""
        loss, stats, weight = _scalars(self.model(**batch[1], **turn))
        if self.trainer.world_size == 1:
            return loss, stats, weight
        total = self.trainer.strategy.reduce(weight.clone(), reduce_op="sum")
        share = weight / total
        # By name, so that all processes send the same one at a time.
        means = {name: self.trainer.strategy.reduce(stats[name] * share, reduce_op="sum") for name in sorted(stats)}
        stats = {name: means[name] for name in stats}
        # Gradients of processes are averaged, not added.
        return loss * share * self.trainer.world_size, stats, total

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients of the loss."""
        self._measured("backward_time", lambda: super(TrainingModule, self).backward(loss, *args, **kwargs))

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: Any = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Add noise to the gradients, clip their norm, and drop gradients that are not finite."""
        norm = self._prepare_gradients(optimizer, [p for group in optimizer.param_groups for p in group["params"]])
        self.step_stats["grad_norm"] = norm
        self.step_stats["clip"] = 100.0 * float(norm > self.step_options.grad_clip)

    def _prepare_gradients(self, optimizer: torch.optim.Optimizer, parameters: Iterable[torch.nn.Parameter]) -> Tensor:
        """Add noise to gradients, clip their norm, drop those of the optimiser if it is not finite, and return it."""
        options = self.step_options
        if options.grad_noise:
            add_gradient_noise(self.model, self.global_step, seed=options.seed)
        counted = [parameter for parameter in parameters if parameter.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(counted, options.grad_clip, options.grad_clip_type)
        if torch.isfinite(norm):
            self.good_steps += 1
        else:
            logging.warning("The gradient's norm is %s; the step is left out.", norm.item())
            optimizer.zero_grad(set_to_none=True)
        return norm

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """Step the optimiser and a schedule of steps, unless gradients are not finite."""
        before, start = self.good_steps, time.perf_counter()
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        spent = sum(self.step_stats.get(name, 0.0) for name in ("forward_time", "backward_time"))
        self.step_stats["optim_step_time"] = max(time.perf_counter() - start - spent, 0.0)
        if self.good_steps > before:
            self._step_after_batch(self.pairs[0][1])

    def end_batch(self) -> None:
        """Add the times of the step to the statistics; `Experiment` calls it when a batch has ended."""
        stats = self.step_stats
        if "grad_norm" in stats:
            scaler = getattr(self.trainer.precision_plugin, "scaler", None)
            stats["loss_scale"] = 1.0 if scaler is None else scaler.get_scale()
            stats |= self._rates(0)
        stats["train_time"] = stats["iter_time"] + self.clock.lap()
        self.step_meter.add(stats)

    def _rates(self, number: int) -> dict[str, float]:
        """Return the learning rates of an optimiser by name."""
        groups = self.pairs[number][0].param_groups
        return {f"optim{number}_lr{place}": group["lr"] for place, group in enumerate(groups)}

    def train_stats(self, start: int = 0) -> Stats:
        """Compute the means over the batches of this epoch from `start` on, in upstream's order."""
        steps, model = self.step_meter.mean(start), self.train_meter.mean(start)
        first: Stats = {name: steps.pop(name) for name in ("iter_time", "forward_time") if name in steps}
        last: Stats = {name: steps.pop(name) for name in LAST if name in steps}
        return {**first, **model, **steps, **last}

    def step_scheduler(self, value: float | None) -> None:
        """Step the schedules of epochs, and those that read a statistic of validation, after an epoch."""
        for _, scheduler in self.pairs:
            name = type(scheduler).__name__
            if name in READS_VALUE:
                if value is not None:
                    _step(scheduler, value)
            elif scheduler is not None and name not in AFTER_STEPS:
                _step(scheduler)

    def _step_after_batch(self, scheduler: Any) -> None:
        """Step a schedule of steps."""
        if type(scheduler).__name__ in AFTER_STEPS:
            _step(scheduler)

    def _measured(self, name: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = call()
        self.step_stats[self.turn + name] = time.perf_counter() - start
        return found


def _step(scheduler: Any, *value: float) -> None:
    """Step a schedule; raises `ConfigError` where it has come to its end."""
    try:
        scheduler.step(*value)
    except ValueError as error:  # OneCycleLR has a last step
        raise ConfigError(
            f"scheduler_conf: expected steps for the whole training, found: {reason_of(error)}"
        ) from error


def _scalars(found: Any) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Return loss, statistics and weight, which a model returns as a tuple or a dictionary, as scalars."""
    loss, stats, weight = (found["loss"], found["stats"], found["weight"]) if isinstance(found, dict) else found
    given = {name: torch.as_tensor(value, device=loss.device) for name, value in stats.items() if value is not None}
    scalars = {name: (value if value.is_floating_point() else value.float()).mean() for name, value in given.items()}
    return loss.mean(), scalars, torch.as_tensor(weight, device=loss.device).sum()


class _Clock:
    """Clock of the time since the last lap."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        passed, self.last = now - self.last, now
        return passed
