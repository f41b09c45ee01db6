"""Decoders and language models as scorers: their exported step, run by PyTorch, behind upstream's scorer methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from espnet.nets.pytorch_backend.torch_graph import TorchGraph
from espnet.nets.scorer_interface import BatchScorerInterface, ScorerInterface
from espnet.nets.scorers.step import StepScorer
from espnet.nets.tensors import as_array

_NO_FRAMES = np.zeros((0, 0), np.float32)  # language models do not read an encoder output


class SteppedState(NamedTuple):
    """State of one hypothesis, with the scorer of its utterance."""

    scorer: StepScorer
    state: Any


class SteppedScorer(ScorerInterface):
    """Mixin of modules whose `components` declare a step: scores one hypothesis at a time.

    Tokens are tensors or arrays, scores tensors on the module's device, without gradients. A state of None stands for
    the beginning; tokens that no step has read yet are read one after the other.
    """

    def init_state(self, x: Any) -> SteppedState:
        """State before the first token; x: encoder output (T, D), None for a language model."""
        scorer = step_scorer(self)
        return SteppedState(scorer, scorer.init_state(_NO_FRAMES if x is None else as_array(x)))

    def extend(self, states: Sequence[SteppedState], x: Any) -> list[SteppedState]:
        """States after the encoder output is extended by the frames x (T', D)."""
        scorer = states[0].scorer
        return [SteppedState(scorer, state) for state in scorer.extend([s.state for s in states], as_array(x))]

    def score(self, ys: Any, state: SteppedState | None, x: Any) -> tuple[Tensor, SteppedState]:
        """Log-probabilities (V,) of the token after ys (U,), and the next state; x: encoder output (T, D)."""
        scores, (after,) = _scored(as_array(ys)[None], [self.init_state(x) if state is None else state])
        return _tensor(self, scores[0]), after


class BatchSteppedScorer(SteppedScorer, BatchScorerInterface):
    """`SteppedScorer` that scores hypotheses at once; those of one utterance take one step together."""

    def batch_score(self, ys: Any, states: Sequence[SteppedState | None] | None, xs: Any) -> tuple[Any, Any]:
        """Log-probabilities (H, V) of the tokens after ys (H, U), and the next states; xs: encoder output (H, T, D)."""
        texts, before = as_array(ys), [None] * len(ys) if states is None else states
        memory = [None] * len(ys) if xs is None else xs
        known = [self.init_state(x) if state is None else state for state, x in zip(before, memory, strict=True)]
        utterances: dict[int, list[int]] = {}
        for row, state in enumerate(known):
            utterances.setdefault(id(state.scorer), []).append(row)
        scores: list[Any] = [None] * len(known)
        for rows in utterances.values():
            scored, after = _scored(texts[rows], [known[row] for row in rows])
            for row, *result in zip(rows, scored, after, strict=True):
                scores[row], known[row] = result
        return _tensor(self, np.stack(scores)), known


def _scored(ys: np.ndarray, states: Sequence[SteppedState]) -> tuple[np.ndarray, list[SteppedState]]:
    """Scores (H, V) after ys (H, U) of hypotheses of one utterance, and the next states."""
    scorer = states[0].scorer
    scores, after = scorer.batch_score(ys, [state.state for state in states], ys)
    return scores, [SteppedState(scorer, state) for state in after]


def step_scorer(module: Any) -> StepScorer:
    """Make the scorer that calls a module's step, and its computations once per utterance.

    Raises:
        NotImplementedError: The module declares no step.
    """
    graphs = {component.name: TorchGraph(module, component) for component in module.components()}
    steps = [graph for name, graph in graphs.items() if name.endswith("_step")]
    if not steps:
        raise NotImplementedError(f"{type(module).__name__} has no step that scores the next token")
    return StepScorer(steps[0], graphs.get("decoder_start"))


def _tensor(module: Any, scores: np.ndarray) -> Tensor:
    return next(module.parameters()).new_tensor(scores)
