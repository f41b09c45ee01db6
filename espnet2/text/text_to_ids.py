"""Conversion of texts to token ids, as models are trained with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from espnet2.interface.errors import DataError
from espnet2.text.cleaner import TextCleaner
from espnet2.text.token_id_converter import Converter


class TextToIds:
    """Conversion of a text to token ids, int64 (U,): it is cleaned, split into tokens, and these are looked up."""

    def __init__(self, cleaner: TextCleaner, tokenizer: Any, converter: Converter) -> None:
        self.cleaner, self.tokenizer, self.converter = cleaner, tokenizer, converter

    def tokens(self, text: str) -> list[str]:
        """Tokens of a text; they may be unknown."""
        return self.tokenizer.text2tokens(self.cleaner(text))

    def __call__(self, uid: str, text: str) -> np.ndarray:
        """Ids of a text's tokens; raises `DataError`, which names `uid`, where there are none."""
        ids = self.converter.tokens2ids(self.tokens(text))
        if not ids:
            raise DataError(f"{uid}: expected a text with at least one token, found {text!r}")
        return np.array(ids, dtype=np.int64)
