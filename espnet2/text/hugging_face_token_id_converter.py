"""Tokens of a Hugging Face tokenizer to indices, and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from espnet2.text.hugging_face_tokenizer import HuggingFaceTokenizer


class HuggingFaceTokenIDConverter:
    """Converter of a pretrained model's tokens; for `model_name_or_path` and errors see `HuggingFaceTokenizer`."""

    def __init__(self, model_name_or_path: Path | str) -> None:
        self._tokens = HuggingFaceTokenizer(model_name_or_path)
        self.tokenizer = self._tokens.tokenizer

    def get_num_vocabulary_size(self) -> int:
        """V, without added tokens."""
        return self._tokens.get_num_vocabulary_size()

    def ids2tokens(self, integers: np.ndarray | Iterable[int]) -> list[str]:
        """Tokens of a sequence of indices, without special ones."""
        return self._tokens.ids2tokens(integers)

    def tokens2ids(self, tokens: Iterable[str]) -> list[int]:
        """Indices of a sequence of tokens."""
        return self._tokens.tokens2ids(tokens)
