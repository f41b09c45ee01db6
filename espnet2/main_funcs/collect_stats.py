"""Statistics of the data before training: shapes of its fields, and sums of the model's features."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet2.interface.errors import DataError
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.utils.atomic import write_atomically
from espnet2.utils.file_name import require_member_name

Sums = dict[str, dict[str, Any]]


def collect_stats(
    model: AbsESPnetModel,
    train_iter: Iterable[Any],
    valid_iter: Iterable[Any],
    output_dir: str | Path,
    ngpu: int | None = None,
    log_interval: int | None = None,
    write_collected_feats: bool = False,
) -> None:
    """Write the statistics of training and validation data to `train` and `valid` of a directory.

    Args:
        model: see `collect_phase`.
        train_iter, valid_iter: utterance ids and fields of batches, as training reads them.
        output_dir: such as `exp/stats`.
        ngpu, log_interval: without effect: statistics are computed where the model is.
        write_collected_feats: see `collect_phase`.

    Raises:
        DataError: there are no utterances, or a feature is not finite.
    """
    for phase, batches in (("train", train_iter), ("valid", valid_iter)):
        collect_phase(model, batches, Path(output_dir) / phase, write_collected_feats)


@torch.no_grad()
def collect_phase(
    model: AbsESPnetModel, batches: Iterable[Any], output_dir: str | Path, write_collected_feats: bool = False
) -> None:
    """Write `{field}_shape`, `{feature}_stats.npz`, `batch_keys` and `stats_keys` into a directory.

    Args:
        model: its `collect_feats` returns features and their lengths.
        batches: utterance ids and fields, as training reads them.
        output_dir: of one phase, such as `exp/stats/train`.
        write_collected_feats: write the features too, listed in `collect_feats/{feature}.scp`.

    Raises:
        DataError: there are no utterances, or a feature is not finite.
    """
    directory = Path(output_dir)
    shapes: dict[str, list[str]] = {}
    sums: Sums = {}
    feats: dict[str, list[str]] = {}
    model.eval()
    for uids, batch in batches:
        for name in [name for name in batch if not name.endswith("_lengths")]:
            for uid, shape in zip(uids, _shapes(batch, name), strict=True):
                shapes.setdefault(name, []).append(f"{uid} {','.join(map(str, shape))}\n")
        found = model.collect_feats(**batch)
        for name, values in found.items():
            for uid, value in zip(uids, _items(found, name, values), strict=True):
                _add(sums, name, value, uid)
                if write_collected_feats:
                    require_member_name(uid)
                    path = directory / "collect_feats" / f"data_{name}" / f"{uid}.npy"
                    with write_atomically(path) as file:
                        np.save(file, value)
                    feats.setdefault(name, []).append(f"{uid} {path}\n")
    if not shapes:
        raise DataError(f"{directory}: expected utterances to collect statistics of, found none")
    for name, lines in shapes.items():
        _write_lines(directory / f"{name}_shape", lines)
    for name, lines in feats.items():
        _write_lines(directory / "collect_feats" / f"{name}.scp", lines)
    for name, total in sums.items():
        with write_atomically(directory / f"{name}_stats.npz") as file:
            np.savez(file, **total)
    _write_lines(directory / "batch_keys", [f"{name}\n" for name in shapes])
    _write_lines(directory / "stats_keys", [f"{name}\n" for name in sums])


def _shapes(batch: dict[str, torch.Tensor], name: str) -> list[tuple[int, ...]]:
    """Return the shape of each utterance's field, without padding."""
    rest = tuple(batch[name].shape[2:])
    if f"{name}_lengths" not in batch:
        return [tuple(batch[name].shape[1:])] * len(batch[name])
    return [(length, *rest) for length in batch[f"{name}_lengths"].tolist()]


def _items(found: dict[str, torch.Tensor], name: str, values: torch.Tensor) -> list[np.ndarray]:
    """Return the feature of each utterance, without padding."""
    items = [value.cpu().numpy() for value in values]
    if f"{name}_lengths" not in found:
        return [np.atleast_1d(item) for item in items]
    return [item[:length] for item, length in zip(items, found[f"{name}_lengths"].tolist(), strict=True)]


def _add(sums: Sums, name: str, value: np.ndarray, uid: str) -> None:
    """Add the rows of a feature to its sums."""
    if not np.isfinite(value).all():
        raise DataError(f"{uid}: expected {name} of finite numbers, found NaN or infinity")
    total = sums.setdefault(name, {"count": 0, "sum": 0, "sum_square": 0})
    total["count"] += len(value)
    total["sum"] += value.sum(0)
    total["sum_square"] += (value**2).sum(0)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with write_atomically(path, "w") as file:
        file.writelines(lines)
