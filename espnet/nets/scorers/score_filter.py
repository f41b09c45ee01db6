"""Rules of the time stamps in texts of OWSM and its like, as a scorer of the beam search.

Y. Peng et al., "Reproducing Whisper-style training using an open-source toolkit and publicly available data", 2023,
after A. Radford et al., "Robust speech recognition via large-scale weak supervision", 2022. A text is either without
times, or each of its utterances stands between two times, which never decrease.

Shapes: H hypotheses, U tokens, V tokens of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import as_array, like


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
        self._untimed = np.zeros(vocab_size, np.float32)
        self._untimed[first_time : last_time + 1] = -np.inf
        self._times = np.full(vocab_size, -np.inf, np.float32)
        self._times[first_time : last_time + 1] = 0

    def score(self, y: Any, state: Any, x: Any) -> tuple[Any, None]:
        """Scores (V,) of the token after y (U,)."""
        return like(x, self._row(as_array(y))), None

    def batch_score(self, ys: Any, states: Sequence[Any], xs: Any) -> tuple[Any, list[None]]:
        """Scores (H, V) of the tokens after ys (H, U), and no states."""
        return like(xs, self._scores(as_array(ys))), [None] * len(ys)

    def _scores(self, ys: np.ndarray) -> np.ndarray:
        if (ys == self.notimestamps).any(axis=1).all():  # the usual case needs no array of this size
            return np.broadcast_to(self._untimed, (len(ys), self.vocab_size))
        return np.stack([self._row(y) for y in ys])

    def _row(self, y: np.ndarray) -> np.ndarray:
        """Scores (V,) of the token after y (U,); times of a previous text count, too, as in upstream."""
        if (y == self.notimestamps).any():
            return self._untimed
        if len(y) >= 3 and y[-3] == self.sos:  # behind language and task
            return self._times
        times = y[(y >= self.first_time) & (y <= self.last_time)]
        if len(times) % 2:  # within an utterance
            row = np.zeros(self.vocab_size, np.float32)
            row[self.first_time : times[-1] + 1] = row[self.eos] = -np.inf
            return row
        row = np.full(self.vocab_size, -np.inf, np.float32)
        if len(times) and y[-1] == times[-1]:  # between utterances
            row[times[-1] : self.last_time + 1] = row[self.eos] = 0
        return row
