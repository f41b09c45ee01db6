"""A graph's steps one after the other, for checks and benchmarks: the plainest client of a graph with states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from espnet.nets.tensors import as_array
from espnet2.interface.graph import Graph


class Steps:
    """Hypotheses of a batch that grow by a token at each call, with the states of their graph.

    Args:
        graph: A step, of either kind: told the parents of hypotheses, or the rows of the caches that they see.
        batch: Utterances.
        fixed: Inputs that are the same at each step.
        frames: Size of the states' axis `frames`, where there is one.
    """

    def __init__(self, graph: Graph, batch: int, fixed: Mapping[str, Any] | None = None, frames: int = 0) -> None:
        self._graph, self._fixed = graph, dict(fixed or {})
        self._states: dict[str, Any] = {
            state.input.name: np.zeros(
                graph.component.initial_shape(state, batch=batch, frames=frames), state.input.dtype
            )
            for state in graph.component.states
        }
        self._visible = np.zeros((batch, 1, 0), bool)
        self._known = 0

    def __call__(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        """The first output, log-probabilities (B, beam, V) as a rule.

        Args:
            tokens: (B, beam) int64.
            parents: (B, beam) int64, the hypothesis of the call before that each of them continues; 0 in the first.
        """
        visible = np.take_along_axis(self._visible, parents[:, :, None], axis=1)
        given = {
            "tokens": tokens,
            "parents": parents,
            "positions": np.full_like(tokens, self._known),
            "visible": visible,
        }
        results = self._graph({**self._fixed, **self._states, **given})
        for state in self._graph.component.states:
            new = as_array(results[state.output.name])
            if state.appended:
                new = np.concatenate([self._states[state.input.name], new], state.input.axes.index(state.appended))
            self._states[state.input.name] = new
        own = np.broadcast_to(np.eye(tokens.shape[1], dtype=bool), (*tokens.shape, tokens.shape[1]))
        self._visible = np.concatenate([visible, own], axis=2)
        self._known += 1
        return as_array(results[self._graph.component.outputs[0].name])
