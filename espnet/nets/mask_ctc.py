"""Mask-CTC: a masked language model writes anew what CTC was not sure of, a few tokens at a time.

Y. Higuchi et al., "Mask CTC: Non-autoregressive end-to-end ASR with CTC and mask predict", 2020, Section 3.2.

Shapes: T frames, D their width, U tokens, V tokens of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.ctc_greedy import greedy_text
from espnet.nets.tensors import answers_in_kind, as_array


class MaskCTC:
    """Greedy CTC, whose doubtful tokens are masked and filled in `n_iterations` rounds.

    Args:
        log_probs: CTC, encoder output (T, D) to log-probabilities (T, V).
        scores: Masked language model, tokens (U,) and encoder output (T, D) to scores (U, V + 1).
        mask: Index of the mask symbol, V.
        blank: Index of the blank.
        n_iterations: Rounds; 0, or as many as there are doubtful tokens or more: one for each of these.
        threshold_probability: Tokens of CTC that are less probable are doubtful.
    """

    def __init__(
        self,
        log_probs: Callable[[np.ndarray], np.ndarray],
        scores: Callable[[np.ndarray, np.ndarray], np.ndarray],
        mask: int,
        blank: int = 0,
        n_iterations: int = 10,
        threshold_probability: float = 0.99,
    ) -> None:
        self.log_probs = log_probs
        self.scores = scores
        self.mask = mask
        self.blank = blank
        self.n_iterations = n_iterations
        self.threshold_probability = threshold_probability

    @answers_in_kind
    def __call__(self, x: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0) -> list[Hypothesis]:
        """The one hypothesis for encoder output x (T, D), between mask symbols, with score 0.

        CTC decides on the length: `maxlenratio` and `minlenratio` are there because other searches have them.
        """
        x = as_array(x)
        greedy = greedy_text(self.log_probs(x), self.blank)
        tokens = np.where(greedy.probability < self.threshold_probability, self.mask, greedy.tokens)
        masked = int(np.count_nonzero(tokens == self.mask))
        rounds = self.n_iterations if 0 < self.n_iterations < masked else masked
        for left in range(rounds, 0, -1):
            open_places = np.flatnonzero(tokens == self.mask)
            scores = self.scores(tokens, x)[open_places]
            # Scores before softmax are compared, as upstream does. The last round fills all that is left.
            chosen = top_k(scores.max(axis=1), masked // rounds if left > 1 else len(open_places))
            tokens[open_places[chosen]] = scores[chosen].argmax(axis=1)
        return [Hypothesis(np.concatenate([[self.mask], tokens, [self.mask]]))]
