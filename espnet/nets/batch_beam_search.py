"""Beam search that scores all running hypotheses of an utterance in one call per scorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from espnet.nets.beam_search import BatchHypothesis, BeamSearch, Continuations, Hypothesis
from espnet.nets.scorer_interface import (
    BatchPartialScorerInterface,
    BatchScorerInterface,
    CandidateScorerInterface,
    ScorerInterface,
)
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

    def _best(
        self, running: BatchHypothesis, scores: Mapping[str, np.ndarray], ids: np.ndarray | None, x: np.ndarray
    ) -> Continuations:
        best = None if ids is None else self._best_of_candidates(running, scores, ids, x)
        if best is not None:
            return best
        return super()._best(running, scores, ids, x)

    def _best_of_candidates(
        self, running: BatchHypothesis, scores: Mapping[str, np.ndarray], ids: np.ndarray, x: np.ndarray
    ) -> Continuations | None:
        """`_best` where candidates and end symbols alone are scored, or None if another token could be as good."""
        partial = {name: s for name, s in self.part_scorers.items() if isinstance(s, CandidateScorerInterface)}
        if len(partial) < len(self.part_scorers):
            return None
        only, weights = self.candidates_only, self.weights
        rows, end = np.arange(len(ids))[:, None], np.full((len(ids), 0 if only else 1), self.eos)
        tokens = np.concatenate([ids, end], axis=1)
        added = {name: score[rows, tokens] for name, score in scores.items()}
        others = {name: (np.max if weights[name] > 0 else np.min)(score, axis=1) for name, score in scores.items()}
        states = {}
        for name, scorer in partial.items():
            scored = scorer.batch_score_candidates(running.yseq, ids, running.states[name], repeated(x, len(ids)))
            added[name] = np.column_stack([scored.candidates, scored.end])[:, : tokens.shape[1]]
            others[name] = np.full_like(scored.others, -np.inf) if only else scored.others
            states[name] = scored.state
        total, bound = self._weighted(added) + running.score[:, None], self._weighted(others) + running.score
        total[(ids == self.eos).any(axis=1), ids.shape[1] :] = -np.inf  # the end symbol is a candidate already
        order = np.lexsort(((rows * self.n_vocab + tokens).ravel(), -total.ravel()))[: self.beam_size]
        chosen = np.divmod(order, tokens.shape[1])
        if len(order) < self.beam_size or not total[chosen][-1] > bound.max() or np.isnan(total).any():
            return None
        picked = {name: score[chosen] for name, score in added.items()}
        return Continuations(chosen[0], tokens[chosen], total[chosen], picked, states)
