"""Helpers of all pictures: figures without pyplot's state, colours, fonts, files."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from espnet2.interface.errors import MissingPackageError
from espnet2.utils.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito, "Color universal design", 2008: told apart with every kind of colour vision. Without yellow, which is
# too light for lines on white.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
GREY = "#666666"
MAP = "viridis"  # even in lightness, so that it reads the same in grey
DPI = 120
# Of scripts that matplotlib's own font does not have, where they are installed.
FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "IPAGothic", "WenQuanYi Zen Hei", "Noto Sans", "Noto Sans Devanagari")


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Figure:
    """Create an empty figure of this size in inches; the layout "constrained" fits its axes, which takes time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


@functools.cache
def _fonts() -> list[str]:
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in FONTS if name in installed)]


@contextmanager
def fonts() -> Iterator[None]:
    """Use fonts for other scripts, too, for everything that is drawn inside; a missing character becomes a box.

    Raises `MissingPackageError` where matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError(
            "pictures: expected the package matplotlib, found none; pip install matplotlib"
        ) from error
    with matplotlib.rc_context({"font.family": _fonts(), "font.size": 9.0}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def file_name(name: str) -> str:
    """Return `name` as a valid file name."""
    return re.sub(r"[/\\\x00-\x1f]|^\.+", "_", name)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, making its directory; an earlier file is replaced when the new one is complete."""
    with fonts(), write_atomically(path) as file:
        figure.savefig(file, format="png")


def as_image(figure: Figure) -> np.ndarray:
    """Render the picture to (height, width, 3) uint8, as TensorBoard takes it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    with fonts():
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
