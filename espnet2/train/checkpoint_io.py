"""Checkpoints and weights of training, which are replaced atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO

from espnet.nets.pytorch_backend.saved_file import UnreadableError, fault_of, read_saved
from espnet2.interface.errors import CheckpointError
from espnet2.utils.atomic import write_atomically

CHECKPOINT = "checkpoint.pth"  # from which training resumes


class AtomicCheckpointIO(CheckpointIO):
    """Lightning's checkpoints, written to another name, flushed and renamed; read without running code in them."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint."""
        save(checkpoint, path)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint; raises `CheckpointError`."""
        return read_checkpoint(path)

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


def save(state: Any, path: str | Path) -> None:
    """Save as `torch.save` does, and replace `path` when the file is complete; raises `OSError`, as on a full disk."""
    with write_atomically(path) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # PyTorch's writer ends in another error than the system's
            reason = error.__context__
            if not isinstance(reason, OSError):
                raise
            raise OSError(reason.errno, reason.strerror, str(path)) from error


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of `AtomicCheckpointIO`; raises `CheckpointError` for anything else."""
    try:
        found = read_saved(path)
    except UnreadableError as error:
        raise CheckpointError(
            f"{path}: expected a checkpoint of training, found a damaged file; remove it to start anew"
        ) from error
    if not isinstance(found, dict) or not _is_of_training(found):
        raise CheckpointError(f"{path}: expected a checkpoint of this trainer, found another kind of file")
    return found


def _is_of_training(found: dict[str, Any]) -> bool:
    """Whether a checkpoint has the history, the weights and the optimisers of a training."""
    reporter, state = found.get("reporter"), found.get("state_dict")
    stats = reporter.get("stats") if isinstance(reporter, dict) else None
    has_history = isinstance(stats, dict) and all(
        type(epoch) is int and isinstance(phases, dict) and all(isinstance(values, dict) for values in phases.values())
        for epoch, phases in stats.items()
    )
    has_weights = isinstance(state, dict) and all(
        isinstance(tensor, torch.Tensor) and not fault_of(tensor) for tensor in state.values()
    )
    return has_history and has_weights and isinstance(found.get("optimizer_states"), list)


def save_weights(model: torch.nn.Module, path: str | Path) -> None:
    """Write a model's state dict, on the CPU."""
    save({name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}, path)
