"""Mask-CTC: a masked language model replaces the improbable tokens of a greedy CTC text, a few at a time.

Y. Higuchi et al., "Mask CTC: Non-autoregressive end-to-end ASR with CTC and mask predict", 2020, Section 3.2.

Shapes: T frames, D their width, U tokens, V tokens of the vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from espnet.nets.beam_search import Hypothesis, top_k
from espnet.nets.ctc_greedy import greedy_text
from espnet.nets.scorers.ctc import CTC
from espnet.nets.tensors import answers_in_kind, as_array
from espnet2.interface.graph import Graph


class MaskCTC:
    """Greedy CTC, whose doubtful tokens are masked and filled in `n_iterations` rounds.

    Args:
        ctc: CTC output layer.
        mlm: Masked language model: reads tokens (1, U), their lengths (1,), encoder output (1, T, D) and its lengths
            (1,) in this order, returns scores (1, U, V + 1).
        mask: Index of the mask symbol, V.
        blank: Index of the blank.
        n_iterations: Rounds; 0, or as many as there are doubtful tokens or more: one for each of these.
        threshold_probability: Tokens of CTC that are less probable are doubtful.
    """

    def __init__(
        self,
        ctc: CTC,
        mlm: Graph,
        mask: int,
        blank: int = 0,
        n_iterations: int = 10,
        threshold_probability: float = 0.99,
    ) -> None:
        self.ctc = ctc
        self.mlm = mlm
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
        greedy = greedy_text(as_array(self.ctc.log_softmax(x[None]))[0], self.blank)
        tokens = np.where(greedy.probability < self.threshold_probability, self.mask, greedy.tokens)
        masked = int(np.count_nonzero(tokens == self.mask))
        rounds = self.n_iterations if 0 < self.n_iterations < masked else masked
        for left in range(rounds, 0, -1):
            open_places = np.flatnonzero(tokens == self.mask)
            scores = self._scores(tokens, x)[open_places]
            # Scores before softmax are compared, as upstream does. The last round fills all that is left.
            chosen = top_k(scores.max(axis=1), masked // rounds if left > 1 else len(open_places))
            tokens[open_places[chosen]] = scores[chosen].argmax(axis=1)
        return [Hypothesis(np.concatenate([[self.mask], tokens, [self.mask]]))]

    def _scores(self, tokens: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Scores (U, V + 1) of the tokens at every place of tokens (U,), given the encoder output x (T, D)."""
        component = self.mlm.component
        values = tokens[None], np.array([len(tokens)]), x[None], np.array([len(x)])
        results = self.mlm({tensor.name: value for tensor, value in zip(component.inputs, values, strict=True)})
        return as_array(results[component.outputs[0].name])[0]
