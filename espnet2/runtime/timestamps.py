"""Time stamps of tokens and words: encoder frames as seconds, tokens as words, and both as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from espnet.nets.ctc_alignment import CTCAligner
from espnet.nets.scorers.ctc import CTCGraph
from espnet2.interface.errors import OptionError
from espnet2.interface.graph import Graph
from espnet2.interface.spec import Component
from espnet2.runtime.options import DecodeOptions
from espnet2.runtime.search import kind_of
from espnet2.text.abs_tokenizer import AbsTokenizer


class Timed(NamedTuple):
    """A token or word as text, from `start` to `end`, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Timestamps:
    """Converter of the frames of tokens to times.

    An `aligner`, where there is one, takes all encoder frames of an utterance, whole or in pieces, and finds the frames
    of a hypothesis' tokens; else the search does.

    Attributes:
        unit: `token` or `word`.
        seconds: Between encoder frames.
        tokenizer: Joins tokens to words.
        ctc: Output layer that tokens are aligned with; None: the search gives their frames.
        blank: Index of CTC's blank.
        longest: Seconds that a token lasts at most, until the next one starts, where the search gives starts only, as
            a transducer's does; 0: it gives the ends, too.
    """

    unit: str
    seconds: float
    tokenizer: AbsTokenizer | None = None
    ctc: CTCGraph | None = None
    blank: int = 0
    longest: float = 0.0

    def aligner(self) -> CTCAligner | None:
        """The aligner of one utterance; None where the search gives frames."""
        return None if self.ctc is None else CTCAligner(self.ctc, self.blank)

    def times(self, token: Sequence[str], frames: Sequence[tuple[int, int]]) -> list[Timed]:
        """Times of the tokens (U,), or of their words, from the frames [start, end) of each.

        A word lasts from its first token to its last. None where there are no frames: an alignment was not possible.
        """
        if not frames or len(frames) != len(token):
            return []
        spans = self._seconds(frames)
        if self.unit == "token" or self.tokenizer is None:
            return [Timed(text, *span) for text, span in zip(token, spans, strict=True)]
        words = [
            Timed(self.tokenizer.tokens2text(token[first:last]).strip(), spans[first][0], spans[last - 1][1])
            for first, last in self.tokenizer.words(token)
        ]
        return [word for word in words if word.text]

    def _seconds(self, frames: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
        """Start and end of each token."""
        spans = [(start * self.seconds, end * self.seconds) for start, end in frames]
        followers = [*(start for start, _ in spans[1:]), math.inf]
        return [
            (start, max(end, min(follower, start + self.longest)))
            for (start, end), follower in zip(spans, followers, strict=True)
        ]


def make_timestamps(
    options: DecodeOptions,
    graphs: Mapping[str, Graph],
    tokenizer: AbsTokenizer | None,
    seconds: float | None,
    blank: int = 0,
) -> Timestamps | None:
    """The time stamps of a recogniser with these graphs; None where the option `timestamps` is `none`.

    `seconds` are those between encoder frames (of a stream: the manifest's `frame_stride` over its sampling rate), None
    where they are not known.

    Raises `OptionError` where the model gives no times.
    """
    unit = options.timestamps
    if unit == "none":
        return None
    kind = kind_of(graphs, options)
    if not kind.gives_frames and "ctc" not in graphs:
        raise OptionError(f"timestamps: expected none, since the model is no transducer and has no CTC; found {unit!r}")
    if seconds is None:
        raise OptionError(f"timestamps: expected none, since the model reads features, not samples; found {unit!r}")
    if unit == "word" and tokenizer is None:
        raise OptionError("timestamps: expected token, since the model's tokenizer is not known; found 'word'")
    ctc = None if kind.gives_frames else CTCGraph(graphs["ctc"])
    return Timestamps(unit, seconds, tokenizer, ctc, blank, kind.longest_token)


def frame_seconds(encoder: Component, sample_rate: int) -> float | None:
    """Seconds between the frames that an encoder returns; None where it reads features, not samples."""
    strides = (rule.length.stride for rule in encoder.lengths if rule.source == "samples")
    return next((stride / sample_rate for stride in strides), None)


def timed_line(times: Iterable[Timed]) -> str:
    """`zero[0.12-0.40] one[0.52-0.72]`."""
    return " ".join(f"{text}[{start:.2f}-{end:.2f}]" for text, start, end in times)


def ctm_fields(timed: Timed) -> str:
    """Fields of a line of NIST's CTM format behind the recording: channel, start, duration, text without blanks."""
    text = "_".join(timed.text.split()) or "_"
    return f"1 {timed.start:.3f} {timed.end - timed.start:.3f} {text}"
