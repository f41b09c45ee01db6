"""Material of tests of transducer searches: sizes as in tools/make_transducer_golden.py, and a language model."""

import numpy as np
from search_tables import log_softmax
from zoo_rows import VOCABULARY

from espnet.nets.scorer_interface import BatchScorerInterface

FRAMES, LM_WEIGHT, SHARPNESS, BLANK_BIAS = 14, 0.4, 2.0, 3.0


class Table(BatchScorerInterface):
    """A language model of bigrams."""

    def __init__(self) -> None:
        self.scores = log_softmax(np.random.RandomState(0).standard_normal((VOCABULARY, VOCABULARY)))

    def batch_score(self, ys, states, xs):
        return self.scores[ys[:, -1]], states
