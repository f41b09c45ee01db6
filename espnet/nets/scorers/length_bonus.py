"""Length bonus: a constant for every token, which the search weights with the `penalty` option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import like


class LengthBonus(BatchScorerInterface):
    """Scores every one of `n_vocab` tokens with 1."""

    def __init__(self, n_vocab: int) -> None:
        self.n_vocab = n_vocab

    def score(self, y: np.ndarray, state: Any, x: np.ndarray) -> tuple[np.ndarray, None]:
        """Ones (V,)."""
        return like(x, np.ones(self.n_vocab, np.float32)), None

    def batch_score(self, ys: np.ndarray, states: Sequence[Any], xs: np.ndarray) -> tuple[np.ndarray, None]:
        """Ones (H, V)."""
        return like(xs, np.ones((len(ys), self.n_vocab), np.float32)), None
