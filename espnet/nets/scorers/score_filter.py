"""Rules of the time stamps in texts of OWSM and its like, as a scorer of the beam search.

Y. Peng et al., "Reproducing Whisper-style training using an open-source toolkit and publicly available data", 2023,
after A. Radford et al., "Robust speech recognition via large-scale weak supervision", 2022. A text is either without
times, or each of its utterances stands between two times, which never decrease.

Shapes: H hypotheses, U tokens, V tokens of the vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import as_array, like

MASKS = 64  # that are kept, of 200 kB each for 50,000 tokens


class ScoreFilter(BatchScorerInterface):
    """Scores tokens that may follow with 0, others with minus infinity.

    Args:
        notimestamps: Index of the symbol of texts without times.
        first_time: Index of the earliest time; those up to `last_time` follow in order.
        last_time: Index of the latest one.
        sos: Start symbol, behind which a text begins.
        eos: End symbol.
        vocab_size: V.
    """

    def __init__(self, notimestamps: int, first_time: int, last_time: int, sos: int, eos: int, vocab_size: int) -> None:
        self.notimestamps = notimestamps
        self.first_time = first_time
        self.last_time = last_time
        self.sos = sos
        self.eos = eos
        self.vocab_size = vocab_size
        self._mask = functools.lru_cache(MASKS)(self._make_mask)

    def score(self, y: Any, state: Any, x: Any) -> tuple[Any, None]:
        """Scores (V,) of the token after y (U,)."""
        return like(x, self._row(as_array(y))), None

    def batch_score(self, ys: Any, states: Sequence[Any], xs: Any) -> tuple[Any, list[None]]:
        """Scores (H, V) of the tokens after ys (H, U), and no states."""
        return like(xs, self._scores(as_array(ys))), [None] * len(ys)

    def _scores(self, ys: np.ndarray) -> np.ndarray:
        masks = [self._row(y) for y in ys]
        if all(mask is masks[0] for mask in masks):  # needs no array of this size
            return np.broadcast_to(masks[0], (len(ys), self.vocab_size))
        return np.stack(masks)

    def _row(self, y: np.ndarray) -> np.ndarray:
        """Scores (V,) of the token after y (U,); times of a previous text count, too, as in upstream."""
        if (y == self.notimestamps).any():
            return self._mask("untimed", 0)
        if len(y) >= 3 and y[-3] == self.sos:  # behind language and task
            return self._mask("first", 0)
        times = y[(y >= self.first_time) & (y <= self.last_time)]
        if len(times) % 2:
            return self._mask("within", int(times[-1]))
        return self._mask("between", int(times[-1])) if len(times) and y[-1] == times[-1] else self._mask("none", 0)

    def _make_mask(self, state: str, last: int) -> np.ndarray:
        """Scores (V,) in a state of the text: without times, before its first one, within or between utterances, or
        where nothing may follow; `last` is the last time."""
        times, end = slice(self.first_time, self.last_time + 1), slice(self.eos, self.eos + 1)
        others, marked = {
            "untimed": (0, [times]),
            "first": (-np.inf, [times]),
            "within": (0, [slice(self.first_time, last + 1), end]),
            "between": (-np.inf, [slice(last, self.last_time + 1), end]),
            "none": (-np.inf, []),
        }[state]
        mask = np.full(self.vocab_size, others, np.float32)
        for tokens in marked:
            mask[tokens] = 0 if others else -np.inf
        return mask
