"""Averages of the best models of a training."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from espnet2.torch_utils.checkpoint import load_checkpoint
from espnet2.train.checkpoint_io import save
from espnet2.train.history import History
from espnet2.utils.atomic import link_atomically


def average_nbest_models(
    output_dir: str | Path,
    history: History,
    best_model_criterion: Iterable[Sequence[str]],
    nbest: Sequence[int] | int,
    suffix: str | None = None,
) -> None:
    """Write `valid.acc.ave_{n}best.pth` for each criterion and each number of models, and `valid.acc.ave.pth`.

    Numbers above the number of epochs are left out; where none is left, the best model is the average.

    Args:
        output_dir: of the experiment, with the weights of epochs.
        history: of the training.
        best_model_criterion: phase, statistic, min or max. Criteria without the statistic are left out.
        nbest: numbers of models to average.
        suffix: of the names, as `till10epoch`.

    Raises:
        CheckpointError: the weights of an epoch are missing or damaged.
    """
    directory, ending = Path(output_dir), f".{suffix}.pth" if suffix else ".pth"
    for phase, name, mode in best_model_criterion:
        epochs = history.best_epochs(phase, name, mode)
        if not epochs:
            continue
        wanted = [nbest] if isinstance(nbest, int) else list(nbest)
        sizes = [size for size in sorted(set(wanted)) if size <= len(epochs)] or [1]
        written = ""
        for size in sizes:
            written = f"{phase}.{name}.ave_{size}best{ending}"
            if size == 1:
                load_checkpoint(directory / f"{epochs[0]}epoch.pth")  # a link to a damaged file would hide the damage
                link_atomically(directory / written, f"{epochs[0]}epoch.pth")
            else:
                logging.info("Averaging the %d best models by %s.%s: %s", size, phase, name, directory / written)
                save(average([directory / f"{epoch}epoch.pth" for epoch in epochs[:size]]), directory / written)
        link_atomically(directory / f"{phase}.{name}.ave{ending}", written)


def average(paths: Sequence[str | Path]) -> dict[str, torch.Tensor]:
    """Average weights; whole numbers, such as counts of batches, are added up."""
    total: dict[str, torch.Tensor] = {}
    for path in paths:
        for name, tensor in load_checkpoint(path).items():
            total[name] = total[name] + tensor if name in total else tensor
    return {name: tensor / len(paths) if tensor.is_floating_point() else tensor for name, tensor in total.items()}
