"""Alignment of a known text with a CTC output: the most probable one.

A. Graves et al., "Connectionist temporal classification", 2006, with a maximum in the place of the sum; L. Kürzinger et
al., "CTC-segmentation of large corpora for German end-to-end speech recognition", 2020, use it to cut recordings.

Within a token, as within the blanks behind it, the recursion over frames is a cumulative maximum, so there is a step
per token only. Shapes: T frames, U tokens, V tokens of the vocabulary; natural logarithms in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.tensors import as_array

Frames = list[tuple[int, int]]

BLOCK = 64  # tokens whose decisions are held at once
SETTLED = 250  # frames behind which a text that still grows is not aligned again
_LOWEST = -1e4  # an impossible token is only very improbable, so that every text that is short enough has an alignment
_BLANK, _TOKEN, _DIRECT = range(3)  # a better start of the blanks, of the token; a start right behind another token


def align(log_probs: np.ndarray, tokens: Sequence[int] | np.ndarray, blank: int = 0) -> Frames:
    """The frames [start, end) of each token in the most probable alignment of the text with log_probs (T, V).

    Frames between tokens are blanks. Empty where there is no alignment: too few frames for tokens (U,), of which equal
    neighbours need one between them.

    Decisions of `BLOCK` tokens are held at once; those of earlier tokens are computed again on the way back, so
    that an hour of speech needs megabytes.
    """
    labels = np.asarray(tokens, np.int64)
    differs = np.append(True, labels[1:] != labels[:-1])
    if not len(labels) or len(log_probs) < len(labels) + np.count_nonzero(~differs):
        return []
    blocks = [slice(first, min(first + BLOCK, len(labels))) for first in range(0, len(labels), BLOCK)]
    marks = np.empty((min(BLOCK, len(labels)), 3, len(log_probs)), bool)
    log_blank = _column(log_probs, blank)
    state = _State(0.0, np.cumsum(log_blank), np.full(len(log_probs), -np.inf))
    states = []
    for block in blocks:
        states.append(state)
        state = _advance(state, log_probs, log_blank, (labels[block], differs[block]), marks)
    end, in_blank = len(log_probs), bool(state.in_blank[-1] > state.in_token[-1])
    frames: Frames = []
    for block in blocks[::-1]:
        before, *scores = states.pop()
        if frames:  # what comes behind them is known
            start = _State(before, *(score[:end] for score in scores))
            block_tokens = labels[block], differs[block]
            _advance(start, log_probs[:end], log_blank[:end], block_tokens, marks[..., :end])
        found, in_blank = _trace(marks[: block.stop - block.start], end, in_blank)
        frames = found + frames
        end = frames[0][0]
    return frames


class _State(NamedTuple):
    """Scores (T,) of the best paths that end in each frame in the blanks behind a token, and in that token.

    `before` is the score of a path that has no frame.
    """

    before: float
    in_blank: np.ndarray
    in_token: np.ndarray


def _advance(
    state: _State,
    log_probs: np.ndarray,
    log_blank: np.ndarray,
    tokens: tuple[np.ndarray, np.ndarray],
    marks: np.ndarray,
) -> _State:
    """Return the state behind further tokens (labels, and whether each differs from the one before it).

    The decisions at each of them are written to marks (U, 3, T).
    """
    before, in_blank, in_token = state
    for mark, label, new in zip(marks, tokens[0].tolist(), tokens[1].tolist(), strict=False):
        mark[_DIRECT] = _delayed((in_token > in_blank) & new, False)
        enter = _delayed(np.maximum(in_blank, in_token) if new else in_blank, before)
        in_token, mark[_TOKEN] = _hold(enter, _column(log_probs, label))
        in_blank, mark[_BLANK] = _hold(_delayed(in_token, -np.inf), log_blank)
        before = -np.inf
    return _State(before, in_blank, in_token)


def _column(log_probs: np.ndarray, token: int) -> np.ndarray:
    return np.maximum(log_probs[:, token], _LOWEST).astype(np.float64)


def _delayed(values: np.ndarray, first: float | bool) -> np.ndarray:
    """values (T,) one frame later."""
    return np.concatenate([np.array([first], values.dtype), values[:-1]])


def _hold(enter: np.ndarray, emit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve r[t] = emit[t] + max(r[t - 1], enter[t]) with r[-1] = -inf for r; tells where enter[t] is the larger."""
    stay = np.cumsum(emit)
    gain = enter - (stay - emit)
    best = np.maximum.accumulate(gain)
    return stay + best, gain > _delayed(best, -np.inf)


def _trace(marks: np.ndarray, end: int, in_blank: bool) -> tuple[Frames, bool]:
    """Frames of tokens from marks (U, 3, T), the last of which ends at `end`, or blanks behind it do.

    The second result is whether the path enters the first of them from blanks.
    """
    frames: Frames = []
    for mark in marks[::-1]:
        if in_blank:
            end = _started(mark[_BLANK], end)
        start = _started(mark[_TOKEN], end)
        frames.append((start, end))
        end, in_blank = start, not mark[_DIRECT, start]
    return frames[::-1], in_blank


def _started(better: np.ndarray, end: int) -> int:
    """The last frame before `end` where better (T,) holds."""
    return end - 1 - int(better[end - 1 :: -1].argmax())


class CTCAligner:
    """Aligner of texts with the CTC output of an utterance, whose encoder output may come in pieces.

    It keeps V numbers for each frame.

    Args:
        ctc: Gives log-probabilities (B, T, V) of encoder output (B, T, D) by `log_softmax`.
        blank: Index of the blank.
    """

    def __init__(self, ctc: Any, blank: int = 0) -> None:
        self.ctc = ctc
        self.blank = blank
        self.reset()

    def reset(self) -> None:
        """Begin another utterance."""
        self._log_probs = np.zeros((0, 0), np.float32)  # with room for more frames behind
        self._length = 0
        self._tokens: np.ndarray = np.zeros(0, np.int64)
        self._frames: Frames = []

    def extend(self, x: np.ndarray) -> None:
        """Take the next encoder frames (T, D), of which there may be none."""
        if not len(x):
            return
        log_probs = as_array(self.ctc.log_softmax(x[None]))[0]
        length = self._length + len(log_probs)
        if length > len(self._log_probs):
            known = self._log_probs[: self._length]
            self._log_probs = np.empty((max(length, 2 * self._length), log_probs.shape[1]), log_probs.dtype)
            if len(known):
                self._log_probs[: len(known)] = known
        self._log_probs[self._length : length] = log_probs
        self._length = length

    def __call__(self, tokens: Sequence[int], is_final: bool = True) -> Frames:
        """The frames [start, end) of each of tokens (U,), as `align` has them.

        Where more frames and tokens follow, frames that an earlier call found more than `SETTLED` frames ago stay.
        """
        labels = np.asarray(tokens, np.int64)
        known = 0 if is_final else self._settled(labels)
        offset = self._frames[known - 1][1] if known else 0
        found = align(self._log_probs[offset : self._length], labels[known:], self.blank)
        if known < len(labels) and not found:
            return []
        frames = self._frames[:known] + [(start + offset, end + offset) for start, end in found]
        self._tokens, self._frames = labels, frames
        return frames

    def _settled(self, labels: np.ndarray) -> int:
        """The number of tokens whose frames stay."""
        shared = min(len(labels), len(self._tokens))
        same = np.append(labels[:shared] == self._tokens[:shared], False)
        known = int(same.argmin())
        while known and (self._frames[known - 1][1] > self._length - SETTLED or _repeats(labels, known)):
            known -= 1
        return known


def _repeats(labels: np.ndarray, place: int) -> bool:
    """Whether the token at `place` is the one before, so that a blank is between them."""
    return place < len(labels) and bool(labels[place] == labels[place - 1])
