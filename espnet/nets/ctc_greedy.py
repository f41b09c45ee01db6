"""The best token of every frame of a CTC output: a search of its own, and the start of others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from espnet.nets.beam_search import Hypothesis
from espnet.nets.tensors import answers_in_kind, as_array

FRAMES = 3000  # whose probabilities are held at once: of an hour, they take gigabytes


class GreedyText(NamedTuple):
    """U tokens, the probability of each at the frame where it is highest, and the frames [start, end) that it holds."""

    tokens: np.ndarray
    probability: np.ndarray
    start: np.ndarray
    end: np.ndarray


def greedy_text(log_probs: np.ndarray, blank: int = 0) -> GreedyText:
    """Merge equal neighbours among the best tokens of log_probs (T, V), then leave out blanks (Graves et al. 2006)."""
    best = log_probs.argmax(axis=1)
    start = np.flatnonzero(np.diff(best, prepend=-1))
    end = np.append(start[1:], len(best))
    peaks = np.maximum.reduceat(log_probs.max(axis=1), start) if len(start) else log_probs.max(axis=1, initial=0.0)
    token = best[start] != blank
    return GreedyText(best[start][token], np.exp(peaks[token]), start[token], end[token])


class GreedyCTC:
    """The text of the most probable alignment.

    Args:
        ctc: Gives log-probabilities (B, T, V) of encoder output (B, T, D) by `log_softmax`.
        sos: Start symbol.
        eos: End symbol.
        blank: Index of the blank.
    """

    def __init__(self, ctc: Any, sos: int, eos: int, blank: int = 0) -> None:
        self.ctc = ctc
        self.sos, self.eos, self.blank = sos, eos, blank

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """The one hypothesis for encoder output x (T, D); its score is the alignment's log-probability.

        `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        search = GreedyCTCOnline(self.ctc, self.sos, self.eos, self.blank)
        for start in range(0, max(len(x), 1) - FRAMES, FRAMES):
            search(x[start : start + FRAMES])
        return search(x[(max(len(x), 1) - 1) // FRAMES * FRAMES :])


class GreedyCTCOnline(GreedyCTC):
    """`GreedyCTC` for a stream whose encoder output comes in pieces; it keeps the text alone."""

    def __init__(self, ctc: Any, sos: int, eos: int, blank: int = 0) -> None:
        super().__init__(ctc, sos, eos, blank)
        self.reset()

    def reset(self) -> None:
        """Begin another stream."""
        self._length = 0
        self._last = self.blank
        self._score = 0.0
        self._tokens: list[int] = []
        self._frames: list[tuple[int, int]] = []

    @answers_in_kind
    def __call__(
        self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0, is_final: bool = True
    ) -> list[Hypothesis]:
        """The one hypothesis for all frames so far, T new ones x (T, D) included; T may be 0."""
        if len(x):
            self._advance(as_array(self.ctc.log_softmax(x[None]))[0])
        yseq = np.array([self.sos, *self._tokens, self.eos])
        return [Hypothesis(yseq, self._score, {"ctc": self._score}, frames=tuple(self._frames))]

    def _advance(self, log_probs: np.ndarray) -> None:
        text = greedy_text(log_probs, self.blank)
        spans = list(zip((text.start + self._length).tolist(), (text.end + self._length).tolist(), strict=True))
        tokens = text.tokens.tolist()
        if spans and spans[0][0] == self._length and tokens[0] == self._last:
            self._frames[-1] = (self._frames[-1][0], spans.pop(0)[1])
            tokens.pop(0)
        self._tokens += tokens
        self._frames += spans
        self._last = int(log_probs[-1].argmax())
        self._length += len(log_probs)
        self._score += float(log_probs.max(axis=1).sum(dtype=np.float64))
