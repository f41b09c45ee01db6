"""Picture of attention weights: for each head, a map of the weights from queries (down) to keys (right)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from espnet2.utils.figure import MAP, fonts, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME = 0.045  # inches of a frame without label
LABEL = 0.15  # inches of a labelled row or column
LEAST, MOST = 1.6, 7.0  # inches of a map's side
GAP, BAR, TITLE = 0.28, 0.75, 0.4  # inches between maps, of the scale of colours beside them, and of the title
FONT = 7.0  # points, of labels

Box = tuple[float, float, float, float]  # left, bottom, width, height


class Side(NamedTuple):
    """Side of a map: its title, and a label for each position, if any."""

    title: str
    labels: Sequence[str] | None = None

    def inches(self, count: int) -> float:
        """Return the length of the side."""
        return min(max(count * (FRAME if self.labels is None else LABEL), LEAST), MOST)

    def room(self) -> float:
        """Return the inches that title and labels need; a character is about 0.65 of its height wide."""
        longest = max(map(len, self.labels), default=0) if self.labels else 3
        return 0.4 + min(longest, 20) * 0.65 * FONT / 72


class Attended(NamedTuple):
    """Weights (..., Tq, Tk) of an attention for one utterance, with the sides of queries and keys."""

    weights: np.ndarray
    queries: Side
    keys: Side


def draw(found: Attended, title: str = "") -> Figure:
    """Draw a map for each head; with blocks, a row of maps for each block."""
    maps = found.weights.reshape(-1, *found.weights.shape[-2:])
    columns = found.weights.shape[-3] if found.weights.ndim > 3 else _columns(len(maps))
    rows = len(maps) // columns
    width, height = found.keys.inches(maps.shape[2]), found.queries.inches(maps.shape[1])
    left, bottom = found.queries.room(), found.keys.room()
    size = left + columns * (width + GAP) + BAR, bottom + rows * (height + GAP) + TITLE
    with fonts():
        figure = new_figure(*size)
        largest = float(maps.max(initial=0.0)) or 1.0
        for index, weights in enumerate(maps):
            row, column = divmod(index, columns)
            place = left + column * (width + GAP), bottom + (rows - 1 - row) * (height + GAP)
            axes = figure.add_axes(_box(*place, width, height, size))
            image = axes.imshow(weights, aspect="auto", interpolation="nearest", cmap=MAP, vmin=0.0, vmax=largest)
            axes.set_title(_name(index, found.weights.shape), fontsize=FONT + 1, pad=3)
            _label(axes.yaxis, found.queries, weights.shape[0], height, column == 0)
            _label(axes.xaxis, found.keys, weights.shape[1], width, row == rows - 1)
        bar = figure.add_axes(_box(size[0] - BAR, bottom, 0.12, height, size))
        figure.colorbar(image, cax=bar, label="weight").ax.tick_params(labelsize=FONT)
        figure.supxlabel(found.keys.title, fontsize=FONT + 2, y=0.06 / size[1], verticalalignment="bottom")
        figure.supylabel(found.queries.title, fontsize=FONT + 2, x=0.06 / size[0], horizontalalignment="left")
        figure.suptitle(title, fontsize=FONT + 2, y=1 - 0.06 / size[1], parse_math=False)
    return figure


def _columns(count: int) -> int:
    """Return the columns of a grid without empty cells that is about as wide as high, or wider."""
    return next(columns for columns in range(math.isqrt(count - 1) + 1, count + 1) if count % columns == 0)


def _box(left: float, bottom: float, width: float, height: float, size: tuple[float, float]) -> Box:
    """Convert a box in inches to fractions of a figure of this size."""
    return left / size[0], bottom / size[1], width / size[0], height / size[1]


def _name(index: int, shape: Sequence[int]) -> str:
    """Return the name of a map by its index in weights of this shape."""
    if len(shape) == 2:
        return ""
    block, head = divmod(index, shape[-3])
    return f"head {head + 1}" if len(shape) == 3 else f"block {block + 1}, head {head + 1}"


def _label(axis: Any, side: Side, count: int, inches: float, outer: bool) -> None:
    """Label positions as far as there is room, and not between neighbouring maps."""
    from matplotlib.ticker import MaxNLocator

    axis.set_tick_params(labelsize=FONT)
    if side.labels is None:
        axis.set_major_locator(MaxNLocator(nbins=max(2, int(inches / 0.5)), integer=True))
    else:
        places = range(0, count, math.ceil(count * FONT / 72 / inches))
        axis.set_ticks(places, [side.labels[place] for place in places], parse_math=False)
    if axis.axis_name == "x" and side.labels is not None:
        axis.set_tick_params(labelrotation=90)
    if not outer:
        axis.set_tick_params(labelleft=False, labelbottom=False)
