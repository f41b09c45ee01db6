"""Partially autoregressive decoding: beam searches replace the segments of a greedy CTC text that are improbable.

M. Someki et al., "Segment-level vectorized beam search based on partially autoregressive inference", 2023. Neighbours
among the doubtful tokens are a segment. Its search begins behind CTC's tokens before it, and a hypothesis ends with
CTC's token behind it.

Shapes: T frames, D their width, U tokens, V tokens of the vocabulary.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.batch_beam_search import BatchBeamSearch
from espnet.nets.beam_search import BatchHypothesis, Hypothesis
from espnet.nets.ctc_greedy import greedy_text
from espnet.nets.scorer_interface import PartialScorerInterface, ScorerInterface
from espnet.nets.tensors import answers_in_kind, as_array


class Segment(NamedTuple):
    """Tokens [start, end) of a text."""

    start: int
    end: int


class PartiallyARBeamSearch(BatchBeamSearch):
    """Beam search for what follows a primer, the tokens (U,) that are known, until an end symbol of its own.

    The arguments are those of `BatchBeamSearch`; a scorer of candidates only has no part in it.
    """

    def behind(self, primer: np.ndarray, states: Mapping[str, Any], x: np.ndarray, maxlen: int) -> Hypothesis:
        """The best continuation, by `maxlen` tokens at most, of `primer`, whose first token is the start symbol.

        `states` are the scorers' before the last token of the primer; x: encoder output (T, D).
        """
        start = BatchHypothesis(
            yseq=primer[None],
            score=np.zeros(1),
            scores={name: np.zeros(1) for name in self.scorers},
            states={name: [state] for name, state in states.items()},
            hs=[()],
        )
        return self.finish(start, 0, x, len(x), -maxlen, 0.0)[0]

    def post_process(
        self, i: int, maxlen: int, minlen: int, running: BatchHypothesis, ended: list[Hypothesis]
    ) -> BatchHypothesis:
        """As there, but the last step ends only what found the end symbol, unless nothing has ended before."""
        return super().post_process(i, maxlen + 1 if ended else maxlen, minlen, running, ended)

    def start(self, x: np.ndarray) -> dict[str, Any]:
        """The scorers' states before the first token; x: encoder output (T, D)."""
        return {name: self._init_state(scorer, x) for name, scorer in self.scorers.items()}

    def _report(self, nbest: Sequence[Hypothesis], maxlen: int) -> None:
        """Log nothing: segments of the greatest length are common."""

    def follow(self, ys: np.ndarray, states: Mapping[str, Any], x: np.ndarray) -> dict[str, Any]:
        """The scorers' states after the last of the tokens ys (U,), from those before it."""
        after = {}
        for name, scorer in self.scorers.items():
            _, scored = self._score(scorer, ys[None], [states[name]], x)
            after[name] = self._select(scorer, scored, 0, int(ys[-1]))
        return after


class PartiallyARInference:
    """Greedy CTC, whose doubtful segments are replaced by beam searches.

    Args:
        ctc: Gives log-probabilities (B, T, V) of encoder output (B, T, D) by `log_softmax`.
        scorers: Scorer by name; None leaves it out, and those of candidates only have no part in it.
        weights: Weight by scorer name; 0, or none, leaves the scorer out.
        beam_size: Hypotheses kept at each step of a segment.
        vocab_size: V.
        sos: Start symbol.
        eos: End symbol.
        blank: Index of the blank.
        threshold_probability: Tokens of CTC that are less probable are doubtful.
        max_seq_len: Longest segment in tokens.
    """

    def __init__(
        self,
        ctc: Any,
        scorers: Mapping[str, ScorerInterface | None],
        weights: Mapping[str, float],
        beam_size: int,
        vocab_size: int,
        sos: int,
        eos: int,
        blank: int = 0,
        threshold_probability: float = 0.99,
        max_seq_len: int = 5,
    ) -> None:
        full = {name: s for name, s in scorers.items() if not isinstance(s, PartialScorerInterface)}
        self._search = functools.partial(PartiallyARBeamSearch, full, weights, beam_size, vocab_size, sos)
        self.ctc = ctc
        self.sos, self.eos, self.blank = sos, eos, blank
        self.threshold_probability = threshold_probability
        self.max_seq_len = max_seq_len

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """The one hypothesis for encoder output x (T, D), with score 0.

        `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        greedy = greedy_text(as_array(self.ctc.log_softmax(x[None]))[0], self.blank)
        segments = segments_of(greedy.probability < self.threshold_probability)
        written = self._rewrite(greedy.tokens, segments, x) if segments else []
        kept = np.split(greedy.tokens, [place for segment in segments for place in segment])[::2]
        parts = [kept[0], *(part for pair in zip(written, kept[1:], strict=True) for part in pair)]
        return [Hypothesis(np.concatenate([[self.sos], *parts, [self.eos]]))]

    def _rewrite(self, tokens: np.ndarray, segments: Sequence[Segment], x: np.ndarray) -> list[np.ndarray]:
        """Tokens that the searches put in the place of each segment of CTC's tokens (U,)."""
        text, scorers = np.append(self.sos, tokens), self._search(self.eos)
        states, known = scorers.start(x), 0
        written: list[np.ndarray] = []
        for start, end in segments:
            for place in range(known, start):
                states = scorers.follow(text[: place + 1], states, x)
            known = start
            follower = int(tokens[end]) if end < len(tokens) else self.eos
            best = self._search(follower).behind(text[: start + 1], states, x, self.max_seq_len).yseq[start + 1 :]
            written.append(best[: np.flatnonzero(best == follower)[0]])
        return written


def segments_of(doubtful: np.ndarray) -> list[Segment]:
    """Runs of true values in `doubtful` (U,)."""
    edges = np.flatnonzero(np.diff(doubtful.astype(np.int8), prepend=0, append=0))
    return [Segment(*pair) for pair in edges.reshape(-1, 2).tolist()]
