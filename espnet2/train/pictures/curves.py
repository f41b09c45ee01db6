"""Curves of a training's statistics over epochs, one picture for each statistic."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet2.utils.figure import BLUE, VERMILLION, file_name, fonts, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Mapping[int, Mapping[str, Mapping[str, Any]]]  # of each epoch: of "train" and "valid": statistics by name
Curve = tuple[list[int], list[float]]  # epochs, and a number for each, or NaN

PHASES = {"train": (BLUE, "-", "o"), "valid": (VERMILLION, "--", "s")}  # colour, line and marker of each
# How the best value of a statistic is chosen, by the beginning of its name.
BEST: dict[str, Callable[[Sequence[float]], float]] = {
    **dict.fromkeys(("acc", "bleu"), max),
    **dict.fromkeys(("loss", "cer", "wer", "ter", "ppl"), min),
}
SIZE = 6.4, 4.0  # inches
MARKED = 40  # points are marked in curves of up to so many epochs
SHARE = 0.05  # of a training's time, at most, goes to its curves


class CurvePlots:
    """Writes the curves of a training to `directory` after an epoch, as often as `share` of the time allows."""

    def __init__(self, directory: Path | str, share: float = SHARE) -> None:
        self.directory, self.share = directory, share
        self.drawn = -math.inf  # when they were drawn last, in seconds
        self.took = 0.0

    def __call__(self, history: History) -> None:
        """Draw the curves, unless it is too soon."""
        start = time.perf_counter()
        if start - self.drawn >= self.took / self.share:
            plot_curves(history, self.directory)
            self.drawn = time.perf_counter()
            self.took = self.drawn - start


def plot_curves(history: History, directory: Path | str) -> list[Path]:
    """Write `STATISTIC.png` for each statistic that has a number, and return the files' paths."""
    paths = []
    for name, figure in figures(history).items():
        paths.append(Path(directory) / f"{file_name(name)}.png")
        save(figure, paths[-1])
    return paths


def figures(history: History) -> dict[str, Figure]:
    """Draw a figure for each statistic, by name: a curve for training, and one for validation.

    Where a value is missing or not finite, its curve has a gap. A statistic without any has no figure.
    """
    names = dict.fromkeys(name for phases in history.values() for stats in phases.values() for name in stats)
    curves = {name: curves_of(history, name) for name in names}
    return {name: _draw(name, found) for name, found in curves.items() if found}


def curves_of(history: History, name: str) -> dict[str, Curve]:
    """Return the curve of a statistic over all epochs, for each phase that has a number of it."""
    epochs = sorted(history)
    values = {phase: [_number(history[epoch].get(phase, {}).get(name)) for epoch in epochs] for phase in PHASES}
    return {phase: (epochs, row) for phase, row in values.items() if not all(map(math.isnan, row))}


def best_epoch(name: str, curve: Curve) -> int | None:
    """Return the first epoch with the best value; None for statistics without a best value, as learning rates."""
    choose = BEST.get(re.split(r"[^a-z]", name, maxsplit=1)[0])
    if choose is None:
        return None
    epochs, values = curve
    best = choose([value for value in values if not math.isnan(value)])
    return epochs[values.index(best)]


def _number(value: Any) -> float:
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else math.nan


def _draw(name: str, curves: Mapping[str, Curve]) -> Figure:
    with fonts():
        figure = new_figure(*SIZE, layout="constrained")
        axes = figure.add_subplot()
        for phase, (epochs, values) in curves.items():
            colour, line, marker = PHASES[phase]
            shown = marker if len(epochs) <= MARKED or _has_gaps(values) else None
            axes.plot(epochs, values, color=colour, linestyle=line, marker=shown, markersize=3.5, label=phase)
        # The best is that of the validation, where there is one.
        _mark_best(axes, name, *list(curves.items())[-1])
        _finish(axes, name)
    return figure


def _has_gaps(values: Sequence[float]) -> bool:
    """Whether some points may have no neighbours, so that a line would not show them."""
    return any(map(math.isnan, values))


def _mark_best(axes: Axes, name: str, phase: str, curve: Curve) -> None:
    epoch = best_epoch(name, curve)
    if epoch is None:
        return
    value = dict(zip(*curve, strict=True))[epoch]
    label = f"best {phase}: {value:.4g} (epoch {epoch})"
    style: dict[str, Any] = {"markeredgecolor": "black", "linestyle": "none", "zorder": 3}
    axes.plot([epoch], [value], marker="*", markersize=13, color=PHASES[phase][0], label=label, **style)


def _finish(axes: Axes, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.set_ylabel(name, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.03, y=0.08)
    axes.grid(True, color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    # Above the curves, where it hides none of them.
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, borderaxespad=0.2)
