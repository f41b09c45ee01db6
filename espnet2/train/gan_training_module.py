"""Lightning module of a generator and a discriminator, which are trained in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from espnet2.interface.errors import OptionError
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.training_module import Batch, StepOptions, TrainingModule

TURNS = ("generator", "discriminator")  # in the order of their optimisers


@dataclass(frozen=True)
class TurnOptions:
    """Options of the turns, named as the options of training."""

    generator_first: bool = False
    skip_discriminator_prob: float = 0.0


class GANTrainingModule(TrainingModule):
    """Training and validation steps of two turns: each batch is a step of the generator and one of the discriminator.

    As in upstream, the norm that is clipped is that of all gradients of a turn: those that the generator's loss has in
    the discriminator count, and are dropped after the turn.

    Args:
        model: returns loss, statistics and weight of a batch for the turn that `forward_generator` names.
        optimizers, schedulers: of the generator and of the discriminator.
        options: see `StepOptions`.
        turns: see `TurnOptions`.

    Raises:
        OptionError: An option has a value that is not allowed.
    """

    def __init__(
        self,
        model: AbsESPnetModel,
        optimizers: Sequence[torch.optim.Optimizer],
        schedulers: Sequence[Any] = (None, None),
        options: StepOptions | None = None,
        turns: TurnOptions | None = None,
    ) -> None:
        super().__init__(model, optimizers[0], schedulers[0], options)
        self.pairs = list(zip(optimizers, schedulers, strict=True))
        self.turn_options = turns or TurnOptions()
        self.automatic_optimization = False
        if self.step_options.accum_grad != 1:
            found = self.step_options.accum_grad
            raise OptionError(f"accum_grad: expected 1 in training with a discriminator, found {found}")
        share = self.turn_options.skip_discriminator_prob
        if not 0 <= share < 1:
            raise OptionError(f"skip_discriminator_prob: expected a number from 0 to below 1, found {share}")

    def _turns(self) -> Iterator[int]:
        """Yield the numbers of the turns, and set the beginning of the names of their times."""
        for number in (0, 1) if self.turn_options.generator_first else (1, 0):
            self.turn = f"{TURNS[number]}_"
            yield number
        self.turn = ""

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """Train on a batch, both parts in turn."""
        stats: dict[str, Tensor] = {}
        weight = None
        for number in self._turns():
            if TURNS[number] == "generator" or not self._skipped(batch_idx):
                found, weight = self._train(batch, number)
                stats |= found
        self.train_meter.add(stats, weight)

    def _skipped(self, batch_idx: int) -> bool:
        """Whether the discriminator stays as it is; the same in all processes."""
        seeds = (self.step_options.seed, self.current_epoch, batch_idx)
        return np.random.default_rng(seeds).random() < self.turn_options.skip_discriminator_prob

    def _train(self, batch: Batch, number: int) -> tuple[dict[str, Tensor], Tensor]:
        """Train one part, and return the statistics and the weight of the batch."""
        start, before = time.perf_counter(), self.good_steps
        loss, stats, weight = self._measured("forward_time", lambda: self._forward(batch, forward_generator=not number))
        self.manual_backward(loss)
        optimizers: Any = self.optimizers()
        self._measured("optim_step_time", optimizers[number].step)
        for optimizer, _ in self.pairs:
            optimizer.zero_grad()
        if self.good_steps > before:
            self._step_after_batch(self.pairs[number][1])
        self.step_stats |= self._rates(number)
        self.step_stats[f"{self.turn}train_time"] = time.perf_counter() - start
        return stats, weight

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Add noise to gradients, clip the norm of all, and drop them if it is not finite."""
        self._prepare_gradients(optimizer, self.model.parameters())

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Compute the statistics of a batch, of both turns."""
        stats: dict[str, Tensor] = {}
        for number in self._turns():
            _, found, weight = self._forward(batch, forward_generator=not number)
            stats |= found
        self.valid_meter.add(stats, weight)
