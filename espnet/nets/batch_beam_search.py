"""Beam search that scores all running hypotheses of an utterance in one call per scorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from espnet.nets.beam_search import BatchHypothesis, BeamSearch, Hypothesis
from espnet.nets.scorer_interface import BatchPartialScorerInterface, BatchScorerInterface, ScorerInterface
from espnet.nets.tensors import as_array, like, repeated

__all__ = ["BatchBeamSearch", "BatchHypothesis", "BeamSearch", "Hypothesis"]


class BatchBeamSearch(BeamSearch):
    """`BeamSearch` for scorers with a batch interface; the others score one hypothesis at a time.

    A token that is not among the candidates still gets the score that a partial scorer returns for it, as CTC's for the
    end symbol, unless `candidates_only`.
    """

    candidates_only = False

    def _init_state(self, scorer: ScorerInterface, x: np.ndarray) -> Any:
        return scorer.batch_init_state(x) if isinstance(scorer, BatchScorerInterface) else scorer.init_state(x)

    def _score(self, scorer: Any, ys: np.ndarray, states: Sequence[Any], x: np.ndarray, **keywords: Any) -> tuple:
        if not isinstance(scorer, BatchScorerInterface):
            return super()._score(scorer, ys, states, x, **keywords)
        scores, states = scorer.batch_score(like(x, ys), states, repeated(x, len(ys)), **keywords)
        return (as_array(scores[0]), states, scores[1]) if keywords else (as_array(scores), states)

    def _select(self, scorer: Any, states: Any, parent: int, token: int) -> Any:
        batched = isinstance(scorer, BatchScorerInterface)
        return scorer.select_state(states, parent) if batched else super()._select(scorer, states, parent, token)

    def _score_partial(
        self, scorer: Any, ys: np.ndarray, ids: np.ndarray | None, states: Sequence[Any], x: np.ndarray
    ) -> tuple[np.ndarray, Any]:
        if not isinstance(scorer, BatchPartialScorerInterface):
            return super()._score_partial(scorer, ys, ids, states, x)
        given = None if ids is None else like(x, ids)
        scores, state = scorer.batch_score_partial(like(x, ys), given, states, repeated(x, len(ys)))
        scores = as_array(scores)
        if ids is not None and self.candidates_only:
            allowed = np.full_like(scores, -np.inf)
            np.put_along_axis(allowed, ids, np.take_along_axis(scores, ids, axis=1), axis=1)
            scores = allowed
        return scores, state

    def _select_partial(self, scorer: Any, states: Any, parent: int, token: int) -> Any:
        batched = isinstance(scorer, BatchPartialScorerInterface)
        return (
            scorer.select_state(states, parent, token)
            if batched
            else super()._select_partial(scorer, states, parent, token)
        )
