"""Data module of Lightning: batches of training and validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl

from espnet2.torch_utils.set_all_random_seed import set_all_random_seed

IterFactory = Any  # an object with `build_iter(epoch, shuffle)`, as the classes of `espnet2.iterators`


class Batches(pl.LightningDataModule):
    """Batches of each epoch.

    Args:
        factory: builds the iterator factory of a phase, "train" or "valid"; called once for each, on first use.
        seed: of the training; the random numbers of an epoch depend on it and on the epoch's number alone.
    """

    def __init__(self, factory: Callable[[str], IterFactory], seed: int) -> None:
        super().__init__()
        self.factory, self.seed = factory, seed
        self.factories: dict[str, IterFactory] = {}

    def _of(self, phase: str) -> IterFactory:
        if phase not in self.factories:
            self.factories[phase] = self.factory(phase)
        return self.factories[phase]

    def _epoch(self) -> int:
        return 1 if self.trainer is None else self.trainer.current_epoch + 1

    def train_dataloader(self) -> Iterable:
        """Return the training batches of this epoch."""
        factory, epoch = self._of("train"), self._epoch()
        set_all_random_seed(self.seed + epoch)
        return factory.build_iter(epoch)

    def val_dataloader(self) -> Iterable:
        """Return the batches of validation, in order."""
        return self._of("valid").build_iter(self._epoch(), shuffle=False)
