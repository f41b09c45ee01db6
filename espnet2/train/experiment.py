"""Directory of an experiment: weights of epochs, links to the best of them, checkpoint, log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from espnet2.interface.errors import TrainingError
from espnet2.torch_utils.set_all_random_seed import set_all_random_seed
from espnet2.train.checkpoint_io import CHECKPOINT, save_weights
from espnet2.train.history import History, number
from espnet2.train.training_module import TrainingModule
from espnet2.utils.atomic import link_atomically

PHASES = ("train", "valid")
LOG_LINES = 20  # of an epoch, about, where log_interval is not given
Criterion = Sequence[str]  # phase, statistic, min or max


@dataclass(frozen=True)
class ExperimentOptions:
    """Options of which models are kept and when training ends, named as the options of training."""

    seed: int = 0
    patience: int | None = None
    val_scheduler_criterion: Sequence[str] = ("valid", "loss")
    early_stopping_criterion: Criterion = ("valid", "loss", "min")
    best_model_criterion: Sequence[Criterion] = field(default_factory=lambda: [("valid", "loss", "min")])
    keep_nbest_models: Sequence[int] = (10,)
    log_interval: int | None = None


class Experiment(Checkpoint):
    """Callback that writes `{N}epoch.pth`, `latest.pth`, `valid.acc.best.pth`, `checkpoint.pth`, in this
    order, after each epoch.

    Each file is replaced atomically, and the checkpoint comes last: a training that is killed at any moment resumes
    after the last epoch whose checkpoint is complete, and writes the files of later epochs again.

    Args:
        directory: of the experiment.
        options: see `ExperimentOptions`.
        listeners: called with the history after each epoch, before the checkpoint is written.
    """

    def __init__(
        self, directory: Path, options: ExperimentOptions, listeners: Sequence[Callable[[History], None]] = ()
    ) -> None:
        self.directory, self.options, self.listeners = directory, options, listeners
        self.history = History()
        self.started = self.validation_started = time.perf_counter()
        self.valid_time = 0.0
        self.logged = 0
        self.restoring = True  # what a checkpoint holds; states of optimisers are read by their first step
        self.steps = 0  # of optimisers, in this process

    @property
    def state_key(self) -> str:
        """Key of this callback in a checkpoint; the history is stored under `reporter` instead."""
        return "experiment"

    def on_save_checkpoint(self, trainer: pl.Trainer, module: Any, checkpoint: dict[str, Any]) -> None:
        """Store the history under upstream's key `reporter`."""
        checkpoint["reporter"] = {"stats": self.history.stats, "epoch": self.history.epoch}

    def on_load_checkpoint(self, trainer: pl.Trainer, module: Any, checkpoint: dict[str, Any]) -> None:
        """Restore the history from a checkpoint."""
        self.history = History(checkpoint["reporter"]["stats"])

    def on_train_epoch_start(self, trainer: pl.Trainer, module: Any) -> None:
        """Start an epoch, and seed its random numbers with its number."""
        self.restoring = False
        self.started, self.logged = time.perf_counter(), 0
        logging.info("%d/%depoch started", trainer.current_epoch + 1, trainer.max_epochs)
        set_all_random_seed(self.options.seed + trainer.current_epoch + 1)

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: Any, optimizer: Any) -> None:
        """Note the first step of an optimiser."""
        self.restoring = self.steps < len(trainer.optimizers)
        self.steps += 1

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log the statistics of the last `log_interval` batches."""
        self.restoring = False
        module.end_batch()
        total = trainer.num_training_batches
        interval = self.options.log_interval or (max(int(total) // LOG_LINES, 1) if total != float("inf") else 100)
        if (batch_idx + 1) % interval == 0:
            stats = ", ".join(f"{name}={number(value)}" for name, value in module.train_stats(self.logged).items())
            logging.info(
                "%depoch:train:%d-%dbatch: %s", trainer.current_epoch + 1, self.logged + 1, batch_idx + 1, stats
            )
            self.logged = batch_idx + 1

    def on_validation_start(self, trainer: pl.Trainer, module: Any) -> None:
        """Note when validation begins."""
        self.validation_started = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        """Note how long validation took."""
        self.valid_time = time.perf_counter() - self.validation_started

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        """Record the epoch, step the schedule, and write weights and checkpoint."""
        epoch = trainer.current_epoch + 1
        if not module.good_steps:
            raise TrainingError(
                f"{self.directory}: expected finite gradients, found none in epoch {epoch}; "
                f"{CHECKPOINT} is that of epoch {epoch - 1}"
            )
        spent = self.validation_started - self.started
        phases = {
            "train": {**module.train_stats(), "time": spent},
            "valid": {**module.valid_meter.mean(), "time": self.valid_time},
        }
        self.history.record(epoch, phases, {"train": len(module.train_meter), "valid": len(module.valid_meter)})
        self._require_statistics(module)
        phase, name = self.options.val_scheduler_criterion
        module.step_scheduler(self.history.value(phase, name) if self.history.has(phase, name) else None)
        if trainer.is_global_zero:
            self._write(epoch, module)
        trainer.save_checkpoint(self.directory / CHECKPOINT)
        if trainer.is_global_zero:
            self.prune()
        if self.history.stalled(self.options.patience, self.options.early_stopping_criterion):
            logging.info("No improvement in more than %s epochs; training stops", self.options.patience)
            trainer.should_stop = True

    def _require_statistics(self, module: TrainingModule) -> None:
        """Raise `TrainingError` for criteria of unknown statistics, before weights are removed by them."""
        options = self.options
        self.history.require("best_model_criterion", options.best_model_criterion)
        if options.patience is not None:
            self.history.require("early_stopping_criterion", [options.early_stopping_criterion])
        if module.reads_value:
            self.history.require("val_scheduler_criterion", [options.val_scheduler_criterion])

    def _write(self, epoch: int, module: TrainingModule) -> None:
        """Write the weights of the epoch, and link the latest and the best."""
        name = f"{epoch}epoch.pth"
        save_weights(module.model, self.directory / name)
        link_atomically(self.directory / "latest.pth", name)
        improved = []
        for criterion in self.options.best_model_criterion:
            best = self.history.best_epochs(*criterion)
            if best and best[0] == epoch:
                link_atomically(self.directory / f"{criterion[0]}.{criterion[1]}.best.pth", name)
                improved.append(f"{criterion[0]}.{criterion[1]}")
        logging.info("%s", self.history.line())
        logging.info("The best model has been updated: %s", ", ".join(improved) or "none")
        if module.trainer.logger is not None:
            values = {
                f"{phase}/{key}": value for phase in PHASES for key, value in self.history.stats[epoch][phase].items()
            }
            module.trainer.logger.log_metrics(values, step=epoch)
        for listener in self.listeners:
            listener(self.history)

    def prune(self) -> None:
        """Remove the weights of epochs that are neither the last one nor among the best."""
        epoch, options = self.history.epoch, self.options
        kept = self.history.nbest(options.best_model_criterion, max(options.keep_nbest_models)) | {epoch}
        for other in range(1, epoch):
            if other not in kept:
                (self.directory / f"{other}epoch.pth").unlink(missing_ok=True)
