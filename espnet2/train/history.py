"""History of a training: statistics of each epoch, best epochs, early stopping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from espnet2.interface.errors import TrainingError

Stats = dict[str, float]
LEAST, MOST = 1e-3, 1e3  # numbers between them are written with three decimals


class Meter:
    """Weighted means of statistics over batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[dict[str, Any], Any]] = []

    def __len__(self) -> int:
        return len(self.batches)

    def add(self, stats: Mapping[str, Any], weight: Any = None) -> None:
        """Add the statistics of a batch: numbers, or scalar tensors, which are read when means are computed."""
        self.batches.append((dict(stats), weight))

    def mean(self, start: int = 0) -> Stats:
        """Compute the means over the batches from `start` on, by name.

        As in upstream, NaN is left out, and so is infinity where batches have weights.
        """
        sums: dict[str, list[float]] = {}
        for place, (stats, weight) in enumerate(self.batches[start:], start):
            numbers, share = _numbers(stats), None if weight is None else float(weight)
            self.batches[place] = numbers, share
            for name, value in numbers.items():
                total = sums.setdefault(name, [0.0, 0.0])
                if not (math.isnan(value) if share is None else not math.isfinite(value)):
                    total[0] += value * (1.0 if share is None else share)
                    total[1] += 1.0 if share is None else share
        return {name: total / weight if weight else math.nan for name, (total, weight) in sums.items()}


def _numbers(stats: Mapping[str, Any]) -> Stats:
    """Convert scalars to numbers; tensors are read from their device at once."""
    tensors = [value for value in stats.values() if torch.is_tensor(value)]
    read = iter(torch.stack([tensor.detach().double() for tensor in tensors]).tolist() if tensors else [])
    return {name: next(read) if torch.is_tensor(value) else float(value) for name, value in stats.items()}


class History:
    """Statistics by epoch (from 1), phase ("train", "valid") and name.

    Beside means over the epoch these are `time` in seconds, and `total_count`, the batches since the start.
    """

    def __init__(self, stats: Mapping[int, Mapping[str, Mapping[str, float]]] | None = None) -> None:
        self.stats = {
            int(epoch): {phase: dict(found) for phase, found in phases.items()}
            for epoch, phases in (stats or {}).items()
        }

    @property
    def epoch(self) -> int:
        """Number of the last complete epoch; 0 before the first one."""
        return max(self.stats, default=0)

    def record(self, epoch: int, phases: Mapping[str, Stats], counts: Mapping[str, int]) -> None:
        """Add the statistics of an epoch, with the number of batches of each phase."""
        before = self.stats.get(epoch - 1, {})
        self.stats[epoch] = {
            phase: {**found, "total_count": before.get(phase, {}).get("total_count", 0) + counts[phase]}
            for phase, found in phases.items()
        }

    def has(self, phase: str, name: str, epoch: int | None = None) -> bool:
        """Whether the epoch (by default the last) has a statistic."""
        return name in self.stats.get(epoch or self.epoch, {}).get(phase, {})

    def require(self, option: str, criteria: Iterable[Sequence[str]]) -> None:
        """Raise `TrainingError` where none of the criteria (phase, statistic) of an option is of a known statistic."""
        wanted = [(phase, name) for phase, name, *_ in criteria]
        known: dict[str, dict[str, float]] = {}
        for phases in self.stats.values():
            for phase, stats in phases.items():
                known.setdefault(phase, {}).update(stats)
        if not any(name in known.get(phase, ()) for phase, name in wanted):
            names = "; ".join(f"{phase}: {', '.join(stats)}" for phase, stats in known.items())
            found = " or ".join(f"{phase},{name}" for phase, name in wanted)
            raise TrainingError(f"{option}: expected a statistic of this training ({names}), found {found}")

    def value(self, phase: str, name: str, epoch: int | None = None) -> float:
        """Return a statistic of an epoch (by default the last)."""
        return self.stats[epoch or self.epoch][phase][name]

    def best_epochs(self, phase: str, name: str, mode: str) -> list[int]:
        """Return the epochs that have the statistic, the best (`mode` min or max) first; NaN is worst."""
        sign = -1 if mode == "max" else 1
        found = [epoch for epoch in sorted(self.stats) if self.has(phase, name, epoch)]
        values = {epoch: self.value(phase, name, epoch) for epoch in found}
        return sorted(found, key=lambda epoch: (math.isnan(values[epoch]), sign * values[epoch]))

    def nbest(self, criteria: Iterable[Sequence[str]], size: int) -> set[int]:
        """Return the epochs among the best `size` by one of the criteria (phase, statistic, mode)."""
        return {epoch for criterion in criteria for epoch in self.best_epochs(*criterion)[:size]}

    def stalled(self, patience: int | None, criterion: Sequence[str]) -> bool:
        """Whether the criterion has not improved for more than `patience` epochs."""
        best = [] if patience is None else self.best_epochs(*criterion)[:1]
        return bool(best) and patience is not None and self.epoch - best[0] > patience

    def line(self, epoch: int | None = None) -> str:
        """Summarise an epoch in a line: `12epoch results: [train] loss=..., [valid] loss=...`."""
        epoch = epoch or self.epoch
        return f"{epoch}epoch results: " + ", ".join(
            f"[{phase}] " + ", ".join(_entry(name, value) for name, value in stats.items())
            for phase, stats in self.stats[epoch].items()
        )


def _entry(name: str, value: float) -> str:
    if name == "time":
        return f"time={timespan(value)}"
    return f"{name}={value}" if name == "total_count" else f"{name}={number(value)}"


def number(value: float) -> str:
    """Format a statistic for logs."""
    return f"{value:.3f}" if LEAST < abs(value) <= MOST or math.isnan(value) else f"{value:.3e}"


def timespan(seconds: float) -> str:
    """Format a time in words: `1 hour, 2 minutes and 3.7 seconds`."""
    whole = [("day", 86400), ("hour", 3600), ("minute", 60)]
    parts, rest = [], round(seconds, 2)
    for unit, length in whole:
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count:g} {unit}" + ("" if count == 1 else "s"))
    if rest or not parts:
        parts.append(f"{round(rest, 2):g} second" + ("" if rest == 1 else "s"))
    parts = parts[:3]
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
