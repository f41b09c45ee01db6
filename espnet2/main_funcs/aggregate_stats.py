"""Aggregation of the statistics of parts of the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.fileio.arrays import read_arrays
from espnet2.interface.errors import DataError, OptionError
from espnet2.utils.atomic import write_atomically
from espnet2.utils.text_file import lines_of

PHASES = ("train", "valid")
SUMS = {"count", "sum", "sum_square"}


def aggregate_stats_dirs(
    input_dirs: Sequence[str | Path], output_dir: str | Path, skip_sum_stats: bool = False
) -> None:
    """Join the shapes and add up the statistics of directories that `--collect_stats true` has written.

    Raises:
        OptionError: there are no directories.
        DataError: a file is missing in one of them, or damaged, or an utterance is in two of them.
    """
    if not input_dirs:
        raise OptionError("--input_dir: expected directories of statistics, found none")
    for phase in PHASES:
        parts = [Path(directory) / phase for directory in input_dirs]
        target = Path(output_dir) / phase
        fields, features = (_keys(parts, name) for name in ("batch_keys", "stats_keys"))
        for name in fields:
            _join([part / f"{name}_shape" for part in parts], target / f"{name}_shape")
        for name in features:
            if not skip_sum_stats:
                _add([part / f"{name}_stats.npz" for part in parts], target / f"{name}_stats.npz")
            scps = [part / "collect_feats" / f"{name}.scp" for part in parts]
            if all(scp.exists() for scp in scps):
                _join(scps, target / "collect_feats" / f"{name}.scp")
        for name, keys in (("batch_keys", fields), ("stats_keys", features)):
            with write_atomically(target / name, "w") as file:
                file.writelines(f"{key}\n" for key in keys)


def _keys(parts: Iterable[Path], name: str) -> list[str]:
    """Return the names in a file, which have to be the same in all parts."""
    found = [_lines(part / name) for part in parts]
    for part, names in zip(parts, found, strict=True):
        if names != found[0]:
            raise DataError(f"{part / name}: expected {' '.join(found[0])}, as the first part has, found {names}")
    return [line.strip() for line in found[0]]


def _lines(path: Path) -> list[str]:
    return [line.rstrip("\n") for line in lines_of(path, "a file of collected statistics", DataError)]


def _join(paths: Iterable[Path], target: Path) -> None:
    """Write the lines of all files; raises `DataError` for an utterance in two of them."""
    seen: dict[str, Path] = {}
    lines = []
    for path in paths:
        for line in _lines(path):
            uid = line.split(maxsplit=1)[0]
            if uid in seen:
                raise DataError(f"{path}: expected each utterance in one part, found {uid} in {seen[uid]} too")
            seen[uid] = path
            lines.append(f"{line}\n")
    with write_atomically(target, "w") as file:
        file.writelines(lines)


def _add(paths: Iterable[Path], target: Path) -> None:
    """Add up the sums of all files."""
    total: dict[str, Any] = {}
    for path in paths:
        sums = read_arrays(path, "collected statistics", DataError)
        if isinstance(sums, np.ndarray):
            raise DataError(f"{path}: expected {', '.join(sorted(SUMS))}, found one array")
        if set(sums) != SUMS:
            raise DataError(f"{path}: expected {', '.join(sorted(SUMS))}, found {', '.join(sums)}")
        shapes = {name: (sums[name].shape, np.shape(total.get(name, sums[name]))) for name in SUMS}
        for name, (shape, before) in shapes.items():
            if shape != before:
                raise DataError(f"{path}: expected {name} of shape {before}, as in the first part, found {shape}")
        total = {name: total.get(name, 0) + sums[name] for name in ("count", "sum", "sum_square")}
    with write_atomically(target) as file:
        np.savez(file, **total)
