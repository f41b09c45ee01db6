"""Interface between beam searches and scorers: log-probabilities of the next token, and states.

Arrays are numpy's where the encoder output is an array, tensors on its device where it is a PyTorch tensor. U is the
length of a prefix (with its start symbol), T and D are the encoder output's frames and width, V the vocabulary, H the
number of running hypotheses, C the number of candidate tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.tensors import as_array, like


class ScorerInterface:
    """A scorer of every token of the vocabulary, one hypothesis at a time.

    Attributes:
        rewards: Whether a token may raise the score of a hypothesis; those of logarithms of probabilities never do.
    """

    rewards = False

    def init_state(self, x: Any) -> Any:
        """State before the first token; x: encoder output (T, D)."""
        return None

    def select_state(self, state: Any, i: int, new_id: int | None = None) -> Any:
        """State of the hypothesis that continues hypothesis `i` with token `new_id`."""
        return None if state is None else state[i]

    def extend(self, states: Sequence[Any], x: Any) -> Sequence[Any]:
        """States of hypotheses in an encoder output that goes on with the frames x (T', D), as in a stream.

        States hold what scorers need of earlier frames: in a stream, `x` of other methods is the newest frames.
        """
        return states

    def last_frame(self, state: Any) -> int | None:
        """The frame of a hypothesis's newest token, where the scorer knows."""
        return None

    def score(self, y: Any, state: Any, x: Any) -> tuple[Any, Any]:
        """Scores (V,) of the token after y (U,), and the next state.

        Raises:
            NotImplementedError: The scorer rates given candidates only.
        """
        raise NotImplementedError(f"{type(self).__name__} does not score the whole vocabulary")

    def final_score(self, state: Any) -> float:
        """Score added when a hypothesis has ended."""
        return 0.0

    def end_score(self, y: Any) -> float:
        """Score added where the text y (U,) ends without an end symbol that is scored."""
        return 0.0

    def reward(self, y: Any) -> float:
        """The part of the score of y's (U,) last token that is no logarithm of a probability."""
        return 0.0


class BatchScorerInterface(ScorerInterface):
    """A scorer that takes all running hypotheses at once."""

    def batch_init_state(self, x: Any) -> Any:
        """State before the first token; x: encoder output (T, D)."""
        return self.init_state(x)

    def batch_score(self, ys: Any, states: Sequence[Any], xs: Any) -> tuple[Any, Any]:
        """Scores (H, V) of the tokens after ys (H, U), and the next states; xs: encoder output (H, T, D)."""
        scored = [self.score(y, state, x) for y, state, x in zip(ys, states, xs, strict=True)]
        rows = [scores for scores, _ in scored]
        return like(rows[0], np.stack([as_array(row) for row in rows])), [state for _, state in scored]


class PartialScorerInterface(ScorerInterface):
    """A scorer that rates candidates chosen by the full scorers, because rating every token would cost too much."""

    def score_partial(self, y: Any, next_tokens: Any, state: Any, x: Any) -> tuple[Any, Any]:
        """Scores (C,) of the candidates next_tokens (C,) after y (U,), and a state.

        `select_state(state, j)` of that state gives the state after candidate number `j`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not score candidates one hypothesis at a time")


class BatchPartialScorerInterface(BatchScorerInterface, PartialScorerInterface):
    """A scorer that rates the candidates of all running hypotheses at once."""

    def batch_score_partial(self, ys: Any, next_tokens: Any, states: Sequence[Any], xs: Any) -> tuple[Any, Any]:
        """Scores (H, V) after ys (H, U) that hold for next_tokens (H, C), or for all where it is None, and a state.

        `select_state(state, h, token)` of that state gives the state after `token` follows hypothesis `h`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not score candidates in batches")


class CandidateScores(NamedTuple):
    """Scores after H prefixes, as arrays: of candidates (H, C), of the end symbol (H,), which need be no candidate, and
    of each other token (H,); and a state as `batch_score_partial` has it."""

    candidates: np.ndarray
    end: np.ndarray
    others: np.ndarray
    state: Any


class CandidateScorerInterface(BatchPartialScorerInterface):
    """A scorer that tells apart candidates, the end symbol, and other tokens, which score alike."""

    def batch_score_candidates(self, ys: Any, next_tokens: Any, states: Sequence[Any], xs: Any) -> CandidateScores:
        """The scores that `batch_score_partial` gives, without an array of the vocabulary's size."""
        raise NotImplementedError(f"{type(self).__name__} does not score candidates by themselves")


class MaskParallelScorerInterface(ScorerInterface):
    """A scorer of hypotheses of different lengths, as the segments of partially autoregressive decoding have them."""

    def batch_score_partially_AR(self, ys: Any, states: Sequence[Any], xs: Any, yseq_lengths: Any) -> tuple[Any, Any]:
        """Scores (H, V) of the tokens after ys (H, U), padded, of lengths (H,), and the next states."""
        raise NotImplementedError(f"{type(self).__name__} does not score hypotheses of different lengths")
