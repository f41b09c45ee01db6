"""Label-synchronous beam search over any mixture of scorers.

The beam is held as arrays. `BeamSearch` calls each scorer for one hypothesis after the other; `BatchBeamSearch` for all
of them at once, where the scorer has a batch interface.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.e2e_asr_common import end_detect
from espnet.nets.hypothesis import BatchHypothesis, Hypothesis
from espnet.nets.ranking import top_k, top_k_of_rows
from espnet.nets.scorer_interface import PartialScorerInterface, ScorerInterface
from espnet.nets.tensors import ModuleScorers, answers_in_kind, as_array, like

_log = logging.getLogger(__name__)


class Continuations(NamedTuple):
    """Continuations of hypotheses `parents` (K,) with `tokens` (K,), best first: `score` (K,) of the longer hypotheses,
    each scorer's unweighted score (K,) of the token, and the states of the partial scorers for all hypotheses."""

    parents: np.ndarray
    tokens: np.ndarray
    score: np.ndarray
    scores: Mapping[str, np.ndarray]
    states: Mapping[str, Any]


class BeamSearch(ModuleScorers):
    """Beam search that calls `score` and `score_partial` for one hypothesis after the other.

    Args:
        scorers: Scorer by name; None leaves it out.
        weights: Weight by scorer name; 0, or none, leaves the scorer out.
        beam_size: Hypotheses kept at each step.
        vocab_size: V, the tokens that scorers score.
        sos: Start symbol.
        eos: End symbol.
        token_list: Tokens as text, for log lines.
        pre_beam_ratio: `pre_beam_ratio * beam_size` candidates of each hypothesis reach the partial scorers.
        pre_beam_score_key: What ranks candidates: "full" (the weighted sum of the full scorers), the name of a full
            scorer, or None: all tokens reach the partial scorers.
        return_hs: Get the hidden states of the scorer named "decoder", too.
        hyp_primer: Tokens that every hypothesis starts with, instead of `sos` alone.
        normalize_length: Rank the n-best list by score per token.

    Raises:
        TypeError: A scorer does not implement `ScorerInterface`.
        KeyError: `pre_beam_score_key` names no full scorer.
    """

    def __init__(
        self,
        scorers: Mapping[str, ScorerInterface | None],
        weights: Mapping[str, float],
        beam_size: int,
        vocab_size: int,
        sos: int,
        eos: int,
        token_list: Sequence[str] | None = None,
        pre_beam_ratio: float = 1.5,
        pre_beam_score_key: str | None = None,
        return_hs: bool = False,
        hyp_primer: Sequence[int] | None = None,
        normalize_length: bool = False,
    ) -> None:
        self.scorers = {
            name: scorer for name, scorer in scorers.items() if scorer is not None and weights.get(name, 0) != 0
        }
        self.weights = {name: weights[name] for name in self.scorers}
        for name, scorer in self.scorers.items():
            if not isinstance(scorer, ScorerInterface):
                raise TypeError(f"scorer {name!r} must be a ScorerInterface, found {type(scorer).__name__}")
        self.part_scorers = {k: v for k, v in self.scorers.items() if isinstance(v, PartialScorerInterface)}
        self.full_scorers = {k: v for k, v in self.scorers.items() if k not in self.part_scorers}
        if pre_beam_score_key not in (None, "full", *self.full_scorers):
            raise KeyError(f"pre_beam_score_key {pre_beam_score_key!r} is none of {['full', *self.full_scorers]}")
        self.beam_size = beam_size
        self.n_vocab = vocab_size
        self.sos = sos
        self.eos = eos
        self.token_list = token_list
        self.pre_beam_score_key = pre_beam_score_key
        self.pre_beam_size = int(pre_beam_ratio * beam_size)
        self.do_pre_beam = (
            pre_beam_score_key is not None and self.pre_beam_size < vocab_size and bool(self.part_scorers)
        )
        self.return_hs = return_hs
        self.hyp_primer = hyp_primer
        self.normalize_length = normalize_length

    def set_hyp_primer(self, hyp_primer: Sequence[int] | None = None) -> None:
        """Set the tokens that hypotheses start with; None: the start symbol."""
        self.hyp_primer = hyp_primer

    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """See `forward`."""
        return self.forward(x, maxlenratio, minlenratio)

    @answers_in_kind
    def forward(
        self,
        x: Any,
        maxlenratio: float = 0.0,
        minlenratio: float = 0.0,
        hyp_primer: Sequence[int] | None = None,
    ) -> list[Hypothesis]:
        """The n-best hypotheses for encoder output x (T, D), best first.

        Args:
            x: Encoder output; scorers get arrays or tensors as x is one, and so do the hypotheses.
            maxlenratio: Longest output in tokens per frame; 0: T tokens and stop by end detection; -n: n tokens.
            minlenratio: Shortest output in tokens per frame; -n: n tokens. Where nothing ends, it is lowered by 0.1.
            hyp_primer: Tokens that hypotheses start with, for this utterance alone; they are not counted.
        """
        return self.finish(self.init_hyp(x, hyp_primer), 0, x, len(x), maxlenratio, minlenratio)

    def finish(
        self,
        start: BatchHypothesis,
        first: int,
        x: np.ndarray,
        frames: int,
        maxlenratio: float,
        minlenratio: float,
    ) -> list[Hypothesis]:
        """The n-best hypotheses that continue those of `start`, found by `first` steps; see `forward`.

        `frames` is the length of the encoder output, of which x (T, D) is what scorers are given.
        """
        maxlen = longest(maxlenratio, frames)
        excess = minlenratio - maxlen / max(1, frames)
        if excess > 0.1:  # nothing ends there, nor one step of 0.1 lower, and so on
            minlenratio -= excess - math.fmod(excess, 0.1)
        minlen = _limit(minlenratio, frames)
        running = start
        ended: list[Hypothesis] = []
        for i in range(first, maxlen):
            running = self.post_process(i, maxlen, minlen, self.search(running, x), ended)
            if not len(running):
                break
            if maxlenratio == 0 and end_detect([{"yseq": h.yseq, "score": h.score} for h in ended], i):
                break
        if not ended and minlenratio >= 0.1:
            lower = max(0.0, minlenratio - 0.1)
            _log.warning("No hypothesis ended with minlenratio %.3g: searching again with %.3g", minlenratio, lower)
            return self.finish(start, first, x, frames, maxlenratio, lower)
        nbest = sorted(ended, key=self._rank, reverse=True)
        self._report(nbest, maxlen)
        return nbest

    def init_hyp(self, x: np.ndarray, hyp_primer: Sequence[int] | None = None) -> BatchHypothesis:
        """The one hypothesis that the search for x (T, D) starts from, by default with the primer of all."""
        primer = self.hyp_primer if hyp_primer is None else hyp_primer
        return BatchHypothesis(
            yseq=np.array([[self.sos] if primer is None else primer], np.int64),
            score=np.zeros(1),
            scores={name: np.zeros(1) for name in self.scorers},
            states={name: [self._init_state(scorer, x)] for name, scorer in self.scorers.items()},
            hs=[()],
        )

    def search(self, running: BatchHypothesis, x: np.ndarray) -> BatchHypothesis:
        """The `beam_size` best continuations by one token of the running hypotheses."""
        scores, states, hs = self._score_full(running, x)
        best = self._best(running, scores, self._pre_beam(scores), x)
        states |= best.states
        return BatchHypothesis(
            yseq=np.concatenate([running.yseq[best.parents], best.tokens[:, None]], axis=1),
            score=best.score,
            scores={name: running.scores[name][best.parents] + best.scores[name] for name in self.scorers},
            states={name: self._select_states(name, states[name], best) for name in self.scorers},
            hs=[(*running.hs[parent], hs[parent]) if self.return_hs else () for parent in best.parents],
        )

    def _best(
        self, running: BatchHypothesis, scores: Mapping[str, np.ndarray], ids: np.ndarray | None, x: np.ndarray
    ) -> Continuations:
        """The `beam_size` best continuations of all, given scores (H, V) of the full scorers and candidates (H, C)."""
        scores, states = dict(scores), {}
        weighted = np.zeros((len(running), self.n_vocab)) if not scores else self._weighted(scores)
        for name, scorer in self.part_scorers.items():
            scores[name], states[name] = self._score_partial(scorer, running.yseq, ids, running.states[name], x)
            weighted += self.weights[name] * scores[name]
        weighted += running.score[:, None]
        parents, tokens = np.divmod(top_k(weighted.ravel(), self.beam_size), self.n_vocab)
        chosen = {name: score[parents, tokens] for name, score in scores.items()}
        return Continuations(parents, tokens, weighted[parents, tokens], chosen, states)

    def post_process(
        self, i: int, maxlen: int, minlen: int, running: BatchHypothesis, ended: list[Hypothesis]
    ) -> BatchHypothesis:
        """Move hypotheses that ended at step `i` to `ended`; the last step ends all. Returns those that still run."""
        if i == maxlen - 1:
            running = self._cut(running)
        at_end = running.yseq[:, -1] == self.eos
        if i >= minlen:
            ended.extend(self._finish(running.hypothesis(row)) for row in np.flatnonzero(at_end).tolist())
        return running.select(np.flatnonzero(~at_end)) if at_end.any() else running

    def _cut(self, running: BatchHypothesis) -> BatchHypothesis:
        """The hypotheses with an end symbol that is not scored."""
        ends = {name: np.array([s.end_score(y) for y in running.yseq]) for name, s in self.scorers.items()}
        return replace(
            running,
            yseq=np.pad(running.yseq, ((0, 0), (0, 1)), constant_values=self.eos),
            score=running.score + sum(self.weights[name] * score for name, score in ends.items()),
            scores={name: score + ends[name] for name, score in running.scores.items()},
        )

    def _score_full(self, running: BatchHypothesis, x: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any], Any]:
        """Scores (H, V) and states of each full scorer, and the decoder's hidden states where they are asked for."""
        scores: dict[str, np.ndarray] = {}
        states: dict[str, Any] = {}
        hs: Any = None
        for name, scorer in self.full_scorers.items():
            keywords = {"return_hs": True} if self.return_hs and name == "decoder" else {}
            scored = self._score(scorer, running.yseq, running.states[name], x, **keywords)
            scores[name], states[name], hs = (*scored, hs) if len(scored) == 2 else scored
        return scores, states, hs

    def _weighted(self, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        """Weighted sum of each scorer's scores, in float64."""
        total: np.ndarray | None = None
        for name, score in scores.items():
            weight = self.weights[name]
            part = score if weight == 1 else np.multiply(score, weight, dtype=np.float64)
            total = np.array(part, np.float64) if total is None else np.add(total, part, out=total)
        assert total is not None
        return total

    def _pre_beam(self, scores: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Candidates (H, C) for the partial scorers, or None for all tokens."""
        if not self.do_pre_beam:
            return None
        key = str(self.pre_beam_score_key)
        if key == "full" and len(scores) == 1 and self.weights[next(iter(scores))] > 0:
            key = next(iter(scores))  # alone, a scorer ranks as it does by its weight
        return top_k_of_rows(self._weighted(scores) if key == "full" else scores[key], self.pre_beam_size)

    def _select_states(self, name: str, states: Any, best: Continuations) -> list[Any]:
        """States of the hypotheses that were continued."""
        scorer = self.scorers[name]
        select = self._select_partial if name in self.part_scorers else self._select
        chosen = zip(best.parents.tolist(), best.tokens.tolist(), strict=True)
        return [select(scorer, states, parent, token) for parent, token in chosen]

    def _init_state(self, scorer: ScorerInterface, x: np.ndarray) -> Any:
        return scorer.init_state(x)

    def _score(self, scorer: Any, ys: np.ndarray, states: Sequence[Any], x: np.ndarray, **keywords: Any) -> tuple:
        """Scores (H, V), states, and hidden states if asked for."""
        scored = [scorer.score(y, state, x, **keywords) for y, state in zip(like(x, ys), states, strict=True)]
        scores, *hidden, states = zip(*scored, strict=True)
        vectors = ([vector.reshape(-1) for vector in kind] for kind in hidden)
        return np.stack([as_array(row) for row in scores]), states, *vectors

    def _select(self, scorer: Any, states: Any, parent: int, token: int) -> Any:
        return states[parent]

    def _score_partial(
        self, scorer: Any, ys: np.ndarray, ids: np.ndarray | None, states: Sequence[Any], x: np.ndarray
    ) -> tuple[np.ndarray, Any]:
        """Scores (H, V), -inf where a token is no candidate, and states with the candidates that they are for."""
        scores = np.full((len(ys), self.n_vocab), -np.inf)
        given = np.broadcast_to(np.arange(self.n_vocab), scores.shape) if ids is None else ids
        after = []
        for row, (y, candidates, state) in enumerate(zip(like(x, ys), given, states, strict=True)):
            partial, state = scorer.score_partial(y, like(x, candidates), state, x)
            scores[row, candidates] = as_array(partial)
            after.append((candidates.tolist(), state))
        return scores, after

    def _select_partial(self, scorer: Any, states: Any, parent: int, token: int) -> Any:
        candidates, state = states[parent]
        return scorer.select_state(state, candidates.index(token)) if token in candidates else None

    def _finish(self, hyp: Hypothesis) -> Hypothesis:
        """Add the scorers' final scores, and let the states go: one holds the caches of a whole step."""
        final = {name: float(scorer.final_score(hyp.states[name])) for name, scorer in self.scorers.items()}
        return hyp._replace(
            score=hyp.score + sum(self.weights[name] * score for name, score in final.items()),
            scores={name: score + final[name] for name, score in hyp.scores.items()},
            states={},
        )

    def _rank(self, hyp: Hypothesis) -> float:
        return hyp.score / (len(hyp.yseq) - 1) if self.normalize_length else hyp.score

    def _report(self, nbest: Sequence[Hypothesis], maxlen: int) -> None:
        if not nbest:
            _log.warning("No hypothesis ended within %d tokens", maxlen)
            return
        best = nbest[0]
        _log.debug("%d hypotheses; best %.3f: %s", len(nbest), best.score, self._text(best))
        if len(best.yseq) - 2 == maxlen:
            _log.warning("The best hypothesis has %d tokens, the limit: a larger maxlenratio may be needed", maxlen)

    def _text(self, hyp: Hypothesis) -> str:
        tokens = hyp.yseq[1:-1].tolist()
        return " ".join(str(token) if self.token_list is None else self.token_list[token] for token in tokens)


def beam_search(
    x: Any,
    sos: int,
    eos: int,
    beam_size: int,
    vocab_size: int,
    scorers: Mapping[str, ScorerInterface | None],
    weights: Mapping[str, float],
    token_list: Sequence[str] | None = None,
    maxlenratio: float = 0.0,
    minlenratio: float = 0.0,
    pre_beam_ratio: float = 1.5,
    pre_beam_score_key: str | None = "full",
) -> list[dict[str, Any]]:
    """The n-best hypotheses for encoder output x (T, D), by field; the arguments are those of `BeamSearch`."""
    search = BeamSearch(
        scorers,
        weights,
        beam_size,
        vocab_size,
        sos,
        eos,
        token_list=token_list,
        pre_beam_ratio=pre_beam_ratio,
        pre_beam_score_key=pre_beam_score_key,
    )
    return [hypothesis.asdict() for hypothesis in search.forward(x, maxlenratio, minlenratio)]


def longest(maxlenratio: float, frames: int) -> int:
    """Tokens that a hypothesis may have, its end symbol counted as one."""
    return frames if maxlenratio == 0 else max(1, _limit(maxlenratio, frames))


def _limit(ratio: float, frames: int) -> int:
    """Number of tokens for a ratio to the frames, or for a negative number of tokens."""
    return -int(ratio) if ratio < 0 else int(ratio * frames)
