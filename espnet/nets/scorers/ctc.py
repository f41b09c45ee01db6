"""CTC prefix scoring as a scorer of the beam search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from espnet.nets.ctc_prefix_score import LOG_ZERO, CTCPrefixScore, PrefixScores, PrefixState
from espnet.nets.scorer_interface import CandidateScorerInterface, CandidateScores
from espnet.nets.tensors import as_array, like
from espnet2.interface.graph import Graph

_BLANK = 0

# Encoder outputs of this thread and their log-probabilities, within `ctc_once`.
_once: ContextVar[dict[Any, tuple[np.ndarray, np.ndarray]] | None] = ContextVar("ctc_once", default=None)


@contextmanager
def ctc_once() -> Iterator[None]:
    """Run CTC graphs once per encoder output inside the block, for all that read the same array.

    Nobody may change the encoder output or the log-probabilities in place meanwhile.
    """
    token = _once.set({})
    try:
        yield
    finally:
        _once.reset(token)


class CTC(Protocol):
    """CTC output layer, as searches call it."""

    def log_softmax(self, hs_pad: Any) -> Any:
        """(B, T, D) to log-probabilities (B, T, V)."""


class CTCGraph:
    """CTC output layer that is a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._input, self._output = graph.component.inputs[0].name, graph.component.outputs[0].name

    def log_softmax(self, hs_pad: Any) -> np.ndarray:
        """Encoder output (B, T, D) to log-probabilities (B, T, V)."""
        known, frames = _once.get(), as_array(hs_pad)
        if known is None:
            return self._run(frames)
        # The array that is kept keeps its memory from being given to another one.
        key = id(self._graph), frames.__array_interface__["data"], frames.shape, frames.strides
        if key not in known:
            known[key] = frames, self._run(frames)
        return known[key][1]

    def _run(self, frames: np.ndarray) -> np.ndarray:
        return as_array(self._graph({self._input: frames})[self._output])


class CTCPrefixScorer(CandidateScorerInterface):
    """Scores a token by how much it lowers the CTC prefix log-probability.

    Arguments may be arrays or tensors; scores are as the encoder output is.

    Args:
        ctc: Output layer, applied to the encoder output once per utterance; token 0 is its blank.
        eos: Index of the end symbol.
        window_margin: Frames around those that the hypotheses have come to where the next token is looked for; 0: in
            all, which is exact. Not for streams.
        blanks_only: In a stream, go on as `CTCPrefixScore.extend_by_blanks` does.
    """

    def __init__(self, ctc: CTC, eos: int, window_margin: int = 0, blanks_only: bool = False) -> None:
        self.ctc = ctc
        self.eos = eos
        self.window_margin = window_margin
        self._extend = CTCPrefixScore.extend_by_blanks if blanks_only else CTCPrefixScore.extend

    def init_state(self, x: np.ndarray) -> PrefixState:
        """The empty prefix of the utterance with encoder output x (T, D)."""
        return CTCPrefixScore(
            as_array(self.ctc.log_softmax(x[None]))[0], _BLANK, self.eos, self.window_margin
        ).initial_state()

    def select_state(self, state: PrefixScores, i: int, new_id: int | None = None) -> PrefixState:
        """Prefix `i` continued with `new_id`; without `new_id`, the only prefix continued with candidate number `i`."""
        if new_id is not None:
            return state.select(i, new_id)
        assert state.ids is not None  # of `score_partial`
        return state.select(0, int(state.ids[0, i]))

    def extend(self, states: Sequence[PrefixState], x: np.ndarray) -> list[PrefixState]:
        """The prefixes of the utterance whose encoder output goes on with x (T', D)."""
        return self._extend(states[0].utterance, as_array(self.ctc.log_softmax(x[None]))[0], states)

    def last_frame(self, state: PrefixState) -> int:
        """The frame where the prefix's last token most probably starts."""
        return state.utterance.last_frame(state)

    def score_partial(
        self, y: np.ndarray, next_tokens: np.ndarray, state: PrefixState, x: np.ndarray
    ) -> tuple[np.ndarray, PrefixScores]:
        """Scores (C,) of next_tokens (C,) after y (U,)."""
        ids = as_array(next_tokens)
        prefixes = state.utterance(as_array(y)[None], ids[None], [state])
        return like(x, prefixes.log_psi[0, ids] - state.log_psi), prefixes

    def batch_score_partial(
        self, ys: np.ndarray, next_tokens: np.ndarray | None, states: Sequence[PrefixState], xs: np.ndarray
    ) -> tuple[np.ndarray, PrefixScores]:
        """Scores (H, V) after ys (H, U), log-zero but for next_tokens (H, C) and the end symbol."""
        ids = None if next_tokens is None else as_array(next_tokens)
        prefixes = states[0].utterance(as_array(ys), ids, states)
        return like(xs, prefixes.log_psi - np.array([[state.log_psi] for state in states])), prefixes

    def batch_score_candidates(
        self, ys: np.ndarray, next_tokens: np.ndarray, states: Sequence[PrefixState], xs: np.ndarray
    ) -> CandidateScores:
        """Scores of next_tokens (H, C) after ys (H, U)."""
        ids = as_array(next_tokens)
        prefixes = states[0].utterance(as_array(ys), ids, states)
        before = np.array([state.log_psi for state in states])
        candidates = np.where(ids == self.eos, prefixes.end[:, None], prefixes.psi)
        return CandidateScores(candidates - before[:, None], prefixes.end - before, LOG_ZERO - before, prefixes)
