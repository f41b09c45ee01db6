"""What a transducer's decoder and a language model make of label sequences, read once each.

Shapes: D size of the decoder's output, V labels, T frames, H sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.scorers.step import Graph

Labels = tuple[int, ...]


class Prefix(NamedTuple):
    """What follows from a label sequence: decoder_out (D,), decoder states, LM scores (V,) and state."""

    decoder_out: np.ndarray
    states: Sequence[np.ndarray]
    lm_scores: np.ndarray | None = None
    lm_state: Any = None


class Prefixes:
    """Decoder and language model over label sequences, each read once.

    Args:
        decoder: reads `tokens` and `parents` (1, H) and its states, returns decoder_out (1, H, D) and the next states.
        blank: what the decoder reads first.
        lm: language model.
        lm_start: what the language model reads first.
    """

    def __init__(self, decoder: Graph, blank: int, lm: BatchScorerInterface | None, lm_start: int) -> None:
        self._decoder, self._blank, self._lm, self._lm_start = decoder, blank, lm, lm_start
        self._known: dict[Labels, Prefix] = {}
        axes = {axis for state in decoder.component.states for axis in state.input.axes}
        self._grows = lm is not None or "past" in axes

    def __getitem__(self, labels: Labels) -> Prefix:
        return self._known[labels]

    def start(self, x: np.ndarray) -> None:
        """Forget all sequences; x: encoder output (T, D)."""
        component = self._decoder.component
        zeros = [np.zeros(component.initial_shape(s, batch=1), s.input.dtype)[:, 0, 0] for s in component.states]
        self._known = {}
        lm_state = None if self._lm is None else self._lm.init_state(x)
        self._read([((), Prefix(np.zeros(0), zeros, None, lm_state))])

    def read(self, sequences: Iterable[Labels]) -> None:
        """Make sequences known whose labels but the last one are."""
        new = dict.fromkeys(labels for labels in sequences if labels not in self._known)
        # States that grow with their labels are put together only where they are equally long.
        for length in sorted({len(labels) if self._grows else 0 for labels in new}):
            group = [labels for labels in new if not self._grows or len(labels) == length]
            self._read([(labels, self._known[labels[:-1]]) for labels in group])

    def _read(self, new: Sequence[tuple[Labels, Prefix]]) -> None:
        component = self._decoder.component
        feeds = {
            state.input.name: np.stack(rows, axis=1)[:, None]
            for state, *rows in zip(component.states, *(prefix.states for _, prefix in new), strict=True)
        }
        tokens = np.array([[labels[-1] if labels else self._blank for labels, _ in new]])
        results = self._decoder({**feeds, "tokens": tokens, "parents": np.arange(len(new))[None]})
        decoder_out = results[component.outputs[0].name].numpy()[0]
        states = [results[state.output.name].numpy()[:, 0] for state in component.states]
        lm_scores, lm_states = self._read_lm(new)
        for row, (labels, _) in enumerate(new):
            after = [state[:, row] for state in states]
            self._known[labels] = Prefix(decoder_out[row], after, lm_scores[row], lm_states[row])

    def _read_lm(self, new: Sequence[tuple[Labels, Prefix]]) -> tuple[Any, Any]:
        if self._lm is None:
            return [None] * len(new), [None] * len(new)
        last = np.array([[labels[-1] if labels else self._lm_start] for labels, _ in new])
        return self._lm.batch_score(last, [prefix.lm_state for _, prefix in new], last)
