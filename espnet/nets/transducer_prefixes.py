"""Decoder output and language model scores of a transducer's label sequences, computed once each.

Shapes: D size of the decoder's output, V labels, H sequences.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import as_array
from espnet2.interface.graph import Graph

NO_FRAMES = np.zeros((0, 0), np.float32)  # language models do not read the encoder output


class Labels:
    """A label sequence, as its last label and the sequence before it, which it shares with others.

    Equal sequences of one `Prefixes` are one object, so that comparing and hashing them takes no time.
    """

    __slots__ = ("__weakref__", "before", "last", "length")

    def __init__(self, before: Labels | None = None, last: int = 0) -> None:
        self.before, self.last = before, last
        self.length: int = 0 if before is None else before.length + 1

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Labels]:
        """The sequence, and each that it goes on from, longest first; the empty one is the last."""
        labels: Labels | None = self
        while labels is not None:
            yield labels
            labels = labels.before

    def tolist(self) -> list[int]:
        """The labels from the first to the last one."""
        return [labels.last for labels in self if labels.length][::-1]


class Prefix(NamedTuple):
    """Results for a label sequence: decoder_out (D,), decoder states, LM scores (V,) and state."""

    decoder_out: np.ndarray
    states: Sequence[np.ndarray]
    lm_scores: np.ndarray | None = None
    lm_state: Any = None


class Prefixes:
    """Decoder and language model over the label sequences of one utterance, each of which is read once.

    Args:
        decoder: reads `tokens` and `parents` (1, H) and its states, returns decoder_out (1, H, D) and the next states.
        blank: what the decoder reads first.
        lm: language model.
        lm_start: what the language model reads first.
    """

    def __init__(self, decoder: Graph, blank: int, lm: BatchScorerInterface | None, lm_start: int) -> None:
        self._decoder, self._blank, self._lm, self._lm_start = decoder, blank, lm, lm_start
        self._prefixes: dict[Labels, Prefix] = {}
        self._unsorted = False
        self._longer: WeakValueDictionary[tuple[Labels, int], Labels] = WeakValueDictionary()

    def __getitem__(self, labels: Labels) -> Prefix:
        return self._prefixes[labels]

    def start(self) -> Labels:
        """The empty sequence, which is read, too."""
        component, empty = self._decoder.component, Labels()
        zeros = [np.zeros(component.initial_shape(s, batch=1), s.input.dtype)[:, 0, 0] for s in component.states]
        lm_state = None if self._lm is None else self._lm.init_state(NO_FRAMES)
        self._read([(empty, Prefix(np.zeros(0), zeros, None, lm_state))])
        return empty

    def continued(self, labels: Labels, label: int) -> Labels:
        """The sequence that has one label more."""
        longer = self._longer.get((labels, label))
        if longer is None:
            longer = self._longer[labels, label] = Labels(labels, label)
        return longer

    def read(self, sequences: Iterable[Labels]) -> None:
        """Read sequences whose labels but the last one have been read."""
        # States may grow with a sequence: only those of one shape are batched, and of one length with a language model.
        alike: dict[Any, list[tuple[Labels, Prefix]]] = {}
        for labels in dict.fromkeys(sequences):
            if labels not in self._prefixes and labels.before is not None:
                before = self._prefixes[labels.before]
                shapes = tuple(state.shape for state in before.states)
                alike.setdefault(shapes if self._lm is None else labels.length, []).append((labels, before))
        for new in alike.values():
            self._read(new)

    def keep(self, sequences: Iterable[Labels], before: int) -> None:
        """Drop the results but of these sequences and of those that are up to `before` labels shorter."""
        if self._unsorted:
            wanted = (shorter for labels in sequences for shorter in itertools.islice(labels, before + 1))
            self._prefixes = {labels: self._prefixes[labels] for labels in wanted if labels in self._prefixes}
            self._unsorted = False

    def _read(self, new: Sequence[tuple[Labels, Prefix]]) -> None:
        component = self._decoder.component
        feeds = {
            state.input.name: np.stack(rows, axis=1)[:, None]
            for state, *rows in zip(component.states, *(prefix.states for _, prefix in new), strict=True)
        }
        tokens = np.array([[labels.last if labels.length else self._blank for labels, _ in new]])
        results = self._decoder({**feeds, "tokens": tokens, "parents": np.arange(len(new))[None]})
        decoder_out = as_array(results[component.outputs[0].name])[0]
        states = [as_array(results[state.output.name])[:, 0] for state in component.states]
        lm_scores, lm_states = self._read_lm(new)
        for row, (labels, _) in enumerate(new):
            after = [state[:, row] for state in states]
            self._prefixes[labels] = Prefix(decoder_out[row], after, lm_scores[row], lm_states[row])
        self._unsorted = True

    def _read_lm(self, new: Sequence[tuple[Labels, Prefix]]) -> tuple[Any, Any]:
        if self._lm is None:
            return [None] * len(new), [None] * len(new)
        last = np.array([[labels.last if labels.length else self._lm_start] for labels, _ in new])
        scores, states = self._lm.batch_score(last, [prefix.lm_state for _, prefix in new], last)
        return as_array(scores), states
