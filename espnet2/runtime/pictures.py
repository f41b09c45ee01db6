"""Pictures of synthesised speech: attention, probabilities of the end, and features below the waveform."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from espnet2.interface.errors import MissingPackageError
from espnet2.runtime.graph_calls import Arrays
from espnet2.utils.attention_picture import Attended, Side, draw
from espnet2.utils.figure import BLUE, MAP, fonts, new_figure
from espnet2.utils.griffin_lim import Transform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Draw = Callable[[str, Arrays], Mapping[str, "Figure"]]
PICTURES = ATTENTION, END, SPEECH = ("att_ws", "probs", "pictures")  # folders
NONE, SOME, ALL = CHOICES = ("none", "attention", "all")
PACKAGE = "matplotlib"
PER_SECOND, NARROWEST, WIDEST = 2.2, 6.0, 40.0  # inches of the time axis
HEIGHT = 4.6  # inches
FONT = 8.0  # points
QUIETEST = 100.0  # dB below the loudest, of spectra

_log = logging.getLogger(__name__)


def drawing(choice: str, fs: int, tokens_of: Callable[[str], Sequence[str]]) -> Draw | None:
    """The function from the name and results of a text to its pictures by folder; None: there are to be none.

    Args:
        choice: One of `CHOICES`: no pictures; attention and the end, of models that have them; also of all features.
        fs: Sampling rate in Hz.
        tokens_of: Gives the tokens of a text by its name.

    Raises:
        MissingPackageError: All pictures are wanted, and matplotlib is not installed.
    """
    if choice == NONE:
        return None
    if importlib.util.find_spec(PACKAGE) is None:
        if choice == ALL:
            raise MissingPackageError("pictures: expected the package matplotlib, found none; pip install matplotlib")
        _log.info("no pictures of attention: the package %s is not installed", PACKAGE)
        return None

    def pictures(name: str, result: Arrays) -> dict[str, Figure]:
        found = {}
        if "att_w" in result:
            found[ATTENTION] = draw_attention(result["att_w"], tokens_of(name), name)
        if "prob" in result:
            found[END] = draw_end(result["prob"], name)
        if choice == ALL and "wav" in result:
            found[SPEECH] = draw_speech(result, fs, tokens_of(name), name)
        return found

    return pictures


def draw_attention(weights: np.ndarray, tokens: Sequence[str], title: str) -> Figure:
    """Draw attention weights (..., T, U) from frames (down) to tokens (right)."""
    return draw(Attended(weights, Side("frame"), Side("token", labels_of(tokens, weights.shape[-1]))), title)


def draw_end(probabilities: np.ndarray, title: str) -> Figure:
    """Draw the probability of the end (T,) at each frame."""
    with fonts():
        figure = new_figure(5.6, 4.0, "constrained")
        axes = figure.subplots()
        axes.plot(probabilities, color=BLUE)
        axes.set(xlabel="frame", ylabel="probability of the end", ylim=(0.0, 1.03))
        axes.set_title(title, parse_math=False)
        axes.grid(True, color="0.9")
    return figure


def draw_speech(result: Arrays, fs: int, tokens: Sequence[str], title: str) -> Figure:
    """Draw the waveform, and below it the features with the boundaries of tokens; spectra where there are none."""
    samples = result["wav"]
    seconds = max(len(samples), 1) / fs
    named = next((name for name in ("feat_gen_denorm", "feat_gen") if name in result), None)
    values = spectra(samples) if named is None else result[named]
    with fonts():
        width = min(max(seconds * PER_SECOND, NARROWEST), WIDEST)
        figure = new_figure(width + 1.5, HEIGHT, "constrained")
        wave, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
        wave.plot(np.arange(len(samples)) / fs, samples, color=BLUE, linewidth=0.4)
        wave.set_ylabel("amplitude")
        wave.set_title(title, parse_math=False)
        low, high = np.percentile(values, (1, 99.8))
        extent = (0.0, seconds, -0.5, values.shape[1] - 0.5)
        image = below.imshow(
            values.T, origin="lower", aspect="auto", extent=extent, cmap=MAP, vmin=low, vmax=high, interpolation="none"
        )
        figure.colorbar(image, ax=below, pad=0.01, label="level (dB)" if named is None else "feature")
        below.set(xlabel="time (s)", ylabel="frequency bin" if named is None else "band", xlim=(0.0, seconds))
        if "duration" in result and result["duration"].dtype.kind == "i" and result["duration"].any():
            _draw_tokens(below, result["duration"], tokens, seconds)
    return figure


def _draw_tokens(axes: Axes, durations: np.ndarray, tokens: Sequence[str], seconds: float) -> None:
    """Draw lines between the tokens, and their names above."""
    ends = np.cumsum(durations) * seconds / durations.sum()
    for end in ends[:-1]:
        axes.axvline(end, color="white", linewidth=0.5, alpha=0.7)
    labels = labels_of(tokens, len(durations))
    if labels is not None:
        middles = ends - durations * seconds / durations.sum() / 2
        spoken = [(place, label) for place, label, frames in zip(middles, labels, durations, strict=True) if frames]
        for place, label in spoken:
            axes.annotate(
                label,
                (place, 1.0),
                xycoords=("data", "axes fraction"),
                fontsize=FONT,
                ha="center",
                va="bottom",
                parse_math=False,
            )


def labels_of(tokens: Sequence[str], count: int) -> list[str] | None:
    """Labels of so many places, the tokens and perhaps the end of the text; None where they are others."""
    ends = [""] * (count - len(tokens))
    return [*tokens, *ends] if tokens and len(ends) <= 1 and len(tokens) <= count else None


def spectra(samples: np.ndarray) -> np.ndarray:
    """Levels in dB (T, bins) of samples (N,)."""
    power = np.abs(Transform(512, 128).forward(samples.astype(np.float64))) ** 2
    loudest = max(power.max(initial=0.0), np.finfo(np.float32).tiny)
    return 10 * np.log10(np.maximum(power / loudest, 10 ** (-QUIETEST / 10)))
