"""Hotwords as a scorer of the searches: words, or phrases, that a text is likely to have get a boost.

The token sequences of all words form a trie with links from each node to its longest proper suffix in the trie
(A. V. Aho and M. J. Corasick, "Efficient string matching", 1975), so that words are found wherever they begin. A word
of n tokens with boost b gives b / n for each of its tokens; where it is left unfinished, what it gave is taken back.
So a text has the sum of the boosts of the complete words in it, and nothing else, once its end is scored.

Shapes: H hypotheses, U tokens, V tokens of the vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface
from espnet.nets.tensors import as_array, like

ROOT = 0  # node of a text that ends in no beginning of a word


class Hotwords(BatchScorerInterface):
    """Scorer of hotwords, whose state is a node of the trie: that before the last token of the hypothesis.

    It holds nothing of an utterance, so that threads may share it.

    Args:
        words: Tokens (at least one) and boost of each word; of equal ones the last counts. A negative boost, which is
            given when the word is complete, makes it less likely.
        n_vocab: V.
    """

    rewards = True

    def __init__(self, words: Iterable[tuple[Sequence[int], float]], n_vocab: int) -> None:
        self._children: list[dict[int, int]] = [{}]
        self._suffix = [ROOT]
        self._partial = [0.0]  # boost that a node has beyond the complete words
        self._gain = [0.0]  # boosts of the words that are complete there
        self._depth = 0
        for tokens, boost in words:
            self._insert(tokens, boost)
        self._link()
        self._open = np.array(self._partial)
        self._value = self._open + self._gain
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._first = np.zeros(n_vocab, np.float32)
        for token, node in self._children[ROOT].items():
            self._first[token] = self._value[node]

    def batch_score(self, ys: Any, states: Sequence[int], xs: Any) -> tuple[Any, list[int]]:
        """Scores (H, V) of the tokens after ys (H, U), and the nodes that these reach."""
        nodes = [self._next(state, token) for state, token in zip(states, as_array(ys)[:, -1].tolist(), strict=True)]
        return like(xs, self._scores(nodes)), nodes

    def score(self, y: Any, state: int, x: Any) -> tuple[Any, int]:
        """Scores (V,) of the token after y (U,), and the node that it reaches."""
        node = self._next(state, int(y[-1]))
        return like(x, self._scores([node])[0]), node

    def init_state(self, x: Any) -> int:
        """The root, whatever the encoder output."""
        return ROOT

    def end_score(self, y: Any) -> float:
        """The boost of an unfinished word that y (U,) has, to be taken back."""
        return -self._partial[self._node(y)]

    def reward(self, y: Any) -> float:
        """The score of the last token of y (U,)."""
        before = self._node(y[:-1])
        after = self._next(before, int(y[-1]))
        return self._partial[after] + self._gain[after] - self._partial[before]

    def _node(self, y: Any) -> int:
        """The node that y (U,) reaches."""
        node = ROOT
        for token in y[-self._depth :]:  # no node is deeper
            node = self._next(node, int(token))
        return node

    def _insert(self, tokens: Sequence[int], boost: float) -> None:
        node = ROOT
        for known, token in enumerate(tokens):
            self._partial[node] = max(self._partial[node], boost * known / len(tokens))
            if token not in self._children[node]:
                self._children[node][token] = len(self._children)
                self._children.append({})
                self._suffix.append(ROOT)
                self._partial.append(0.0)
                self._gain.append(0.0)
            node = self._children[node][token]
        self._gain[node] = boost
        self._depth = max(self._depth, len(tokens))

    def _link(self) -> None:
        """Find the suffixes of nodes from the root down, and add what their words give."""
        waiting = deque([ROOT])
        while waiting:
            node = waiting.popleft()
            for token, child in self._children[node].items():
                suffix = ROOT if node == ROOT else self._next(self._suffix[node], token)
                self._suffix[child] = suffix
                self._gain[child] += self._gain[suffix]
                self._partial[child] = max(self._partial[child], self._partial[suffix])
                waiting.append(child)

    def _next(self, node: int, token: int) -> int:
        """The node after one more token."""
        while token not in self._children[node]:
            if node == ROOT:
                return ROOT
            node = self._suffix[node]
        return self._children[node][token]

    def _scores(self, nodes: Sequence[int]) -> np.ndarray:
        """Scores (H, V) of the tokens after these nodes (H,)."""
        if not any(nodes):
            return np.broadcast_to(self._first, (len(nodes), len(self._first)))
        scores = self._first - self._open[nodes, None].astype(np.float32)
        for row, node in zip(scores, nodes, strict=True):
            tokens, values = self._following(node)
            row[tokens] = values
        return scores

    def _following(self, node: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (C,) that go on from a node, or from a suffix of it but the root, and their scores (C,)."""
        if node not in self._known:
            reached: dict[int, int] = {}
            suffix = node
            while suffix != ROOT:
                reached = {**self._children[suffix], **reached}
                suffix = self._suffix[suffix]
            values = self._value[list(reached.values())] - self._open[node]
            self._known[node] = np.fromiter(reached, np.int64), values.astype(np.float32)
        return self._known[node]
