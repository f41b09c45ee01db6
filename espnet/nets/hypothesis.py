"""Hypotheses of searches: one token sequence, and the beam of those that still run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.tensors import like


class Hypothesis(NamedTuple):
    """A token sequence yseq (U,) with its start symbol, its weighted `score`, and each scorer's unweighted total.

    Searches over tensors give tensors: yseq int64, scores without dimensions.

    `frames` holds the encoder frames [start, end) of each token of the text, start and end symbols left out; it is
    empty where they are not known.
    """

    yseq: Any
    score: Any = 0.0
    scores: Mapping[str, Any] = {}
    states: Mapping[str, Any] = {}
    hs: Sequence[Any] = ()
    frames: Sequence[tuple[int, int]] = ()

    def like(self, x: Any) -> Hypothesis:
        """This hypothesis with tensors in place of arrays and numbers, where x is a tensor."""
        return self._replace(
            yseq=like(x, self.yseq),
            score=like(x, self.score),
            scores={name: like(x, score) for name, score in self.scores.items()},
        )

    def asdict(self) -> dict[str, Any]:
        """All fields by name; tokens and scores as JSON can hold them, the rest as it is."""
        scores = dict(zip(self.scores, map(float, self.scores.values()), strict=True))
        return {**self._asdict(), "yseq": self.yseq.tolist(), "score": float(self.score), "scores": scores}


@dataclass(frozen=True)
class BatchHypothesis:
    """H running hypotheses of one length: yseq (H, U), score (H,), each scorer's total (H,) and list of H states."""

    yseq: np.ndarray
    score: np.ndarray
    scores: Mapping[str, np.ndarray]
    states: Mapping[str, Sequence[Any]]
    hs: Sequence[Sequence[np.ndarray]]

    @property
    def length(self) -> np.ndarray:
        """Tokens in each hypothesis, (H,)."""
        return np.full(len(self.yseq), self.yseq.shape[1])

    def __len__(self) -> int:
        return len(self.yseq)

    def hypothesis(self, i: int) -> Hypothesis:
        """Hypothesis number `i` by itself."""
        return Hypothesis(
            yseq=self.yseq[i],
            score=float(self.score[i]),
            scores={name: float(scores[i]) for name, scores in self.scores.items()},
            states={name: states[i] for name, states in self.states.items()},
            hs=self.hs[i],
        )

    def select(self, rows: Sequence[int] | np.ndarray) -> BatchHypothesis:
        """The hypotheses of `rows`, in that order."""
        return BatchHypothesis(
            yseq=self.yseq[rows],
            score=self.score[rows],
            scores={name: scores[rows] for name, scores in self.scores.items()},
            states={name: [states[row] for row in rows] for name, states in self.states.items()},
            hs=[self.hs[row] for row in rows],
        )
