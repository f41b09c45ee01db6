"""Pictures of the doctor: difference over depth, time and size of modules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet2.export.doctor.layers import Comparison
from espnet2.export.doctor.size import GraphSize, Row
from espnet2.interface.check import TOLERANCE
from espnet2.utils.figure import BLUE, GREY, VERMILLION, fonts, new_figure, save

LEAST = 1e-9  # differences below are drawn as this, since a logarithmic axis has no zero
LONGEST = 20  # modules that fit a picture
LEAST_PART = 0.002  # of the time, products and weights of all; modules with less are left out


def draw_comparisons(comparisons: Sequence[Comparison], path: str | Path) -> None:
    """Write a PNG of the difference over depth, a row for each graph; raises `MissingPackageError` without matplotlib.

    The layers are counted in the order in which they finish; the first one that parts is named.
    """
    with fonts():
        figure = new_figure(8, 3.2 * len(comparisons), "constrained")
        for index, found in enumerate(comparisons):
            axes = figure.add_subplot(len(comparisons), 1, index + 1)
            heights = [max(layer.difference, LEAST) for layer in found.layers]
            axes.semilogy(range(1, len(heights) + 1), heights, marker=".", color=BLUE)
            axes.axhline(TOLERANCE, linestyle="--", color=GREY)
            axes.text(
                0.99, TOLERANCE, "tolerance", color=GREY, ha="right", va="bottom", transform=axes.get_yaxis_transform()
            )
            if found.first is not None:
                place = list(found.layers).index(found.first)
                axes.plot(place + 1, heights[place], marker="o", color=VERMILLION)
                axes.annotate(
                    found.first.name,
                    (place + 1, heights[place]),
                    textcoords="offset points",
                    xytext=(-6, 6),
                    ha="right",
                    color=VERMILLION,
                )
            axes.set(title=f"{found.graph}, {found.label}", ylabel="largest difference")
            axes.set_xlabel("layer, in the order in which they finish")
            axes.locator_params(axis="x", integer=True)
            axes.margins(y=0.15)
        save(figure, Path(path))


def draw_sizes(sizes: Sequence[GraphSize], path: str | Path) -> None:
    """Write a PNG with time, multiply-adds and weights of modules; raises `MissingPackageError` without matplotlib.

    Modules of several graphs have the graph's name before theirs; the slowest are shown.
    """
    totals = [size.total for size in sizes]
    rows = [(f"{size.graph}: " * (len(sizes) > 1) + row.name, row) for size in sizes for row in size.modules]
    rows = sorted((item for item in rows if _matters(item[1], totals)), key=lambda item: item[1].seconds)[-LONGEST:]
    names, shown = [name for name, _ in rows], [row for _, row in rows]
    columns = (
        ("ms a call", [1e3 * row.seconds for row in shown]),
        ("million multiply-adds a call", [row.products / 1e6 for row in shown]),
        ("kB of weights", [row.weights / 1e3 for row in shown]),
    )
    with fonts():
        figure = new_figure(10, 1.2 + 0.25 * len(shown), "constrained")
        for index, (title, values) in enumerate(columns):
            axes = figure.add_subplot(1, 3, index + 1)
            axes.barh(names, values, color=BLUE)
            axes.set(xlabel=title)
            axes.spines[["top", "right"]].set_visible(False)
            if index:
                axes.set_yticklabels([])
        save(figure, Path(path))


def _matters(row: Row, totals: Sequence[Row]) -> bool:
    """Whether a module has a visible part of something."""
    return any(
        getattr(row, name) > LEAST_PART * sum(getattr(total, name) for total in totals)
        for name in ("seconds", "products", "weights")
    )
