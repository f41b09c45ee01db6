"""Picture of the CTC alignment of an utterance: log-mel features, times of its tokens, and posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from espnet.nets.ctc_alignment import align
from espnet.nets.ctc_greedy import greedy_text
from espnet2.interface.errors import DataError, OptionError
from espnet2.runtime.timestamps import Timed, Timestamps, frame_seconds
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.utils.figure import COLOURS, GREY, MAP, fonts, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT = 9.0  # points
ROW = 0.24  # inches of a row of labels
SPECTRUM, POSTERIORS = 2.4, 1.6  # inches high
PER_SECOND, NARROWEST, WIDEST = 2.2, 6.0, 40.0  # inches of the time axis
LEFT, RIGHT, BOTTOM, TOP, GAP = 0.75, 0.85, 0.5, 0.35, 0.08  # inches around and between
FREQUENCIES = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)  # Hz, that are ticks


@dataclass(frozen=True)
class Alignment:
    """Alignment of an utterance, with what is drawn around it.

    Attributes:
        seconds: Duration.
        features: (T, C), output of the front end.
        hertz: (C,) centre of each feature's band; None where features are no bands.
        posteriors: (T', V), output of CTC.
        frame: Seconds between the frames of CTC.
        token_ids: (U,) of the text.
        tokens: (U,) tokens with times.
        words: Words with times; empty without a tokenizer.
        blank: Index of the blank.
    """

    seconds: float
    features: np.ndarray
    hertz: np.ndarray | None
    posteriors: np.ndarray
    frame: float
    token_ids: list[int]
    tokens: list[Timed]
    words: list[Timed]
    blank: int = 0


def align_utterance(
    model: Any,
    speech: np.ndarray,
    sample_rate: int,
    token_ids: Sequence[int] | None = None,
    tokenizer: AbsTokenizer | None = None,
    name: str = "speech",
) -> Alignment:
    """Align a text with an utterance by CTC.

    Args:
        model: A recogniser (`espnet2.asr.speech_model.SpeechModel`), in evaluation mode.
        speech: (N,) samples, float32.
        sample_rate: Of the samples, in Hz.
        token_ids: The text; None: the best path of CTC.
        tokenizer: Groups tokens to words; None: there are no times of words.
        name: Of the utterance, in errors.

    Raises:
        OptionError: The model has no CTC, or no front end, or separates speakers.
        DataError: The text does not fit in the utterance, or is empty.
    """
    seconds = _seconds_of_frames(model, sample_rate)
    features, log_probs = _encoded(model, speech)
    if token_ids is None:
        token_ids = greedy_text(log_probs, model.blank_id).tokens.tolist()
    frames = align(log_probs, token_ids, model.blank_id)
    if not frames:
        raise DataError(f"{name}: expected a text of 1 to {len(log_probs)} tokens, found one of {len(token_ids)}")
    token = [model.token_list[index] for index in token_ids]
    return Alignment(
        seconds=len(speech) / sample_rate,
        features=features,
        hertz=_bands(model.frontend, features.shape[1]),
        posteriors=np.exp(log_probs),
        frame=seconds,
        token_ids=list(token_ids),
        tokens=Timestamps("token", seconds).times(token, frames),
        words=Timestamps("word", seconds, tokenizer).times(token, frames) if tokenizer is not None else [],
        blank=model.blank_id,
    )


def _seconds_of_frames(model: Any, sample_rate: int) -> float:
    """Return the seconds between frames of CTC; raises `OptionError` for a model without CTC or front end."""
    encoder = model.parts()[0][1]
    seconds = frame_seconds(encoder, sample_rate)
    if model.ctc is None:
        raise OptionError("asr_model_file: expected a model with CTC, found one without")
    if model.frontend is None or seconds is None:
        raise OptionError("asr_model_file: expected a model with a front end, found one that reads features")
    if len(encoder.outputs[1].axes) == 2:
        raise OptionError("asr_model_file: expected a model of one speaker, found one that separates speakers")
    return seconds


def _encoded(model: Any, speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute features (T, C) and log-probabilities of CTC (T', V) of samples (N,)."""
    import torch

    device = next(model.parameters()).device
    samples, length = torch.from_numpy(speech)[None].to(device), torch.tensor([len(speech)], device=device)
    with torch.inference_mode():
        features = model.frontend(samples, length)[0]
        log_probs = model.ctc.log_softmax(model.encode_speech(samples, length)[0])
    return features[0].cpu().numpy(), log_probs[0].cpu().numpy()


def _bands(frontend: Any, count: int) -> np.ndarray | None:
    """Return the peak of each mel filter in Hz (C,); None without mel filters."""
    filters = getattr(getattr(frontend, "logmel", None), "melmat", None)
    if filters is None or filters.shape[1] != count:
        return None
    bins = filters.cpu().numpy().argmax(axis=0)
    return bins * frontend.fs / 2 / (len(filters) - 1)


def draw(found: Alignment, title: str = "") -> Figure:
    """Draw features with the tokens' boundaries, below them the tokens (and words), and CTC's posteriors."""
    width = min(max(found.seconds * PER_SECOND, NARROWEST), WIDEST)
    colours = _colours(found.token_ids)
    tracks = [("tokens", found.tokens, [colours[token] for token in found.token_ids])]
    if found.words:
        tracks.append(("words", found.words, [GREY] * len(found.words)))
    labels = [_labels(times, found.seconds, found.seconds / width) for _, times, _ in tracks]
    heights = [SPECTRUM, *(ROW * (max(label.row for label in row) + 1) for row in labels), POSTERIORS]
    with fonts():
        figure, panels = _panels(width, heights)
        _draw_features(figure, panels[0], found)
        for axes, (name, times, looks), row in zip(panels[1:-1], tracks, labels, strict=True):
            _draw_labels(axes, times, row, looks)
            axes.set_ylabel(name, fontsize=FONT, rotation=0, ha="right", va="center")
        _draw_posteriors(panels[-1], found, colours)
        for axes in panels:
            axes.set_xlim(0.0, found.seconds)
            axes.tick_params(labelsize=FONT - 1, labelbottom=axes is panels[-1], bottom=axes is panels[-1])
        panels[-1].set_xlabel("time (s)", fontsize=FONT)
        panels[0].set_title(title, fontsize=FONT + 1, parse_math=False)
    return figure


def _panels(width: float, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Create axes below each other in a figure with room for their labels; sizes in inches."""
    size = LEFT + width + RIGHT, BOTTOM + sum(heights) + GAP * (len(heights) - 1) + TOP
    figure, top, panels = new_figure(*size), size[1] - TOP, []
    for height in heights:
        box = LEFT / size[0], (top - height) / size[1], width / size[0], height / size[1]
        panels.append(figure.add_axes(box))
        top -= height + GAP
    return figure, panels


def _colours(token_ids: Sequence[int]) -> dict[int, str]:
    """Choose a colour for each token: the one whose last use in the text is the longest ago."""
    used = dict.fromkeys(COLOURS, -1)
    chosen: dict[int, str] = {}
    for place, token in enumerate(token_ids):
        colour = chosen.setdefault(token, min(used, key=lambda colour: used[colour]))
        used[colour] = place
    return chosen


def _draw_features(figure: Figure, axes: Axes, found: Alignment) -> None:
    features = found.features
    low, high = np.percentile(features, (5, 99.8))  # silence is -23 where energies are 0, which leaves no contrast
    extent = (0.0, found.seconds, -0.5, features.shape[1] - 0.5)
    image = axes.imshow(
        features.T, origin="lower", aspect="auto", extent=extent, cmap=MAP, vmin=low, vmax=high, interpolation="nearest"
    )
    for time in sorted({time for token in found.tokens for time in (token.start, token.end)}):
        axes.axvline(time, color="white", linewidth=0.8, alpha=0.8)
    axes.set_ylabel("band" if found.hertz is None else "frequency (Hz)", fontsize=FONT)
    if found.hertz is not None:
        hertz = [value for value in FREQUENCIES if found.hertz[0] <= value <= found.hertz[-1]]
        axes.set_yticks(np.interp(hertz, found.hertz, np.arange(len(found.hertz))), [str(value) for value in hertz])
    box, inch = axes.get_position(), 1 / figure.get_figwidth()
    bar = figure.add_axes((box.x1 + 0.1 * inch, box.y0, 0.12 * inch, box.height))
    figure.colorbar(image, cax=bar, label="log energy").ax.tick_params(labelsize=FONT - 1)


class Label(NamedTuple):
    """Position of a text: its middle in seconds, and its row."""

    middle: float
    row: int


def _labels(times: Sequence[Timed], end: float, seconds: float) -> list[Label]:
    """Place each text so that none overlaps another or passes `end`; an inch has `seconds`."""
    ends: list[float] = []
    labels = []
    for timed in times:
        half = (len(timed.text) * 0.65 + 0.6) * FONT / 72 * seconds / 2
        middle = min(max((timed.start + timed.end) / 2, half), end - half)
        row = next((row for row, taken in enumerate(ends) if taken <= middle - half), len(ends))
        ends[row : row + 1] = [middle + half]
        labels.append(Label(middle, row))
    return labels


def _draw_labels(axes: Axes, times: Sequence[Timed], labels: Sequence[Label], colours: Sequence[str]) -> None:
    """Draw each text at its time, on a bar of its duration."""
    for timed, label, colour in zip(times, labels, colours, strict=True):
        axes.axvspan(timed.start, timed.end, color=colour, alpha=0.35, linewidth=0)
        place = label.middle, -label.row - 0.5
        axes.text(*place, timed.text, fontsize=FONT, ha="center", va="center", parse_math=False)
    axes.set_ylim(-max(label.row for label in labels) - 1, 0)
    axes.set_yticks([])


def _draw_posteriors(axes: Axes, found: Alignment, colours: dict[int, str]) -> None:
    times = (np.arange(len(found.posteriors)) + 0.5) * found.frame
    axes.plot(times, found.posteriors[:, found.blank], color=GREY, linewidth=0.9, linestyle=":", label="blank")
    for token, colour in colours.items():
        axes.plot(times, found.posteriors[:, token], color=colour, linewidth=1.3)
        axes.fill_between(times, found.posteriors[:, token], color=colour, alpha=0.2, linewidth=0)
    axes.set_ylim(0.0, 1.03)
    axes.set_ylabel("CTC posterior", fontsize=FONT)
    axes.grid(True, axis="y", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=FONT - 1, handlelength=1.4)
