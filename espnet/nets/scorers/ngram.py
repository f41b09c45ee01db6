"""N-gram language models in KenLM's formats as scorers of the beam search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from espnet.nets.scorer_interface import BatchScorerInterface, PartialScorerInterface, ScorerInterface
from espnet.nets.tensors import like


class _Ngram(ScorerInterface):
    """A KenLM model whose words are the tokens; scores are log10 probabilities.

    Args:
        ngram_model: Path of an ARPA or binary file.
        token_list: Tokens by index; "<eos>" is the model's "</s>", any other token goes by its own name.

    Raises:
        ImportError: The package kenlm is not installed.
    """

    def __init__(self, ngram_model: str | Path, token_list: Iterable[str]) -> None:
        try:
            import kenlm
        except ImportError as error:
            raise ImportError(f"n-gram model {ngram_model} needs the package kenlm: pip install kenlm") from error
        self._new_state = kenlm.State
        self.lm = kenlm.LanguageModel(str(ngram_model))
        self.words = ["</s>" if token == "<eos>" else token for token in token_list]

    def init_state(self, x: np.ndarray) -> Any:
        """Context of the start of a sentence."""
        state = self._new_state()
        self.lm.BeginSentenceWrite(state)
        return state

    def _score(self, y: np.ndarray, next_tokens: Iterable[int], state: Any) -> tuple[np.ndarray, Any]:
        """Scores (C,) of next_tokens after y (U,), and the context y ends in; `state`: that before its last token."""
        context, unused = state, self._new_state()
        if len(y) > 1:
            context = self._new_state()
            self.lm.BaseScore(state, self.words[y[-1]], context)
        scores = [self.lm.BaseScore(context, self.words[token], unused) for token in next_tokens]
        return np.array(scores, np.float32), context


class NgramFullScorer(_Ngram, BatchScorerInterface):
    """N-gram model that scores the whole vocabulary."""

    def score(self, y: np.ndarray, state: Any, x: np.ndarray) -> tuple[np.ndarray, Any]:
        """Scores (V,) of the token after y (U,), and the context."""
        scores, context = self._score(y, range(len(self.words)), state)
        return like(x, scores), context


class NgramPartScorer(_Ngram, PartialScorerInterface):
    """N-gram model that scores the candidates of the full scorers."""

    def score_partial(self, y: np.ndarray, next_tokens: Sequence[int] | np.ndarray, state: Any, x: np.ndarray) -> Any:
        """Scores (C,) of next_tokens (C,) after y (U,), and the context."""
        scores, context = self._score(y, next_tokens, state)
        return like(x, scores), context

    def select_state(self, state: Any, i: int, new_id: int | None = None) -> Any:
        """The context, which does not depend on the candidate."""
        return state
