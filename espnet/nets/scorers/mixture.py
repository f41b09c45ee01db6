"""Several scorers as one, for searches that take a single one beside the acoustic model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import as_array, like


class Mixture(BatchScorerInterface):
    """Weighted sum of scorers.

    Args:
        scorers: Scorers with their weights.
    """

    def __init__(self, scorers: Sequence[tuple[BatchScorerInterface, float]]) -> None:
        self.scorers = list(scorers)
        self.rewards = any(scorer.rewards or weight < 0 for scorer, weight in self.scorers)

    def init_state(self, x: Any) -> tuple[Any, ...]:
        """The states of all before the first token; x: encoder output (T, D)."""
        return tuple(scorer.batch_init_state(x) for scorer, _ in self.scorers)

    def batch_score(self, ys: Any, states: Sequence[Any], xs: Any) -> tuple[Any, list[tuple[Any, ...]]]:
        """Scores (H, V) of the tokens after ys (H, U), and the next states of all."""
        total, after = np.zeros(()), []
        for (scorer, weight), own in zip(self.scorers, zip(*states, strict=True), strict=True):
            scores, new = scorer.batch_score(ys, own, xs)
            total = total + weight * as_array(scores).astype(np.float64)
            after.append([scorer.select_state(new, row) for row in range(len(own))])
        return like(xs, total), list(zip(*after, strict=True))

    def end_score(self, y: Any) -> float:
        """The weighted sum of the scorers' scores of an end after y (U,)."""
        return sum(weight * scorer.end_score(y) for scorer, weight in self.scorers)

    def reward(self, y: Any) -> float:
        """The weighted sum of the scorers' rewards for the last token of y (U,)."""
        return sum(weight * scorer.reward(y) for scorer, weight in self.scorers)
