"""Whisper's tokens to indices, and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from espnet2.text.symbols import read_symbols
from espnet2.text.token_id_converter import as_indices
from espnet2.text.whisper_vocabulary import WhisperVocabulary, of_package


class WhisperTokenIDConverter:
    """Converter over a given vocabulary, such as a model's."""

    def __init__(self, tokenizer: WhisperVocabulary) -> None:
        self.tokenizer = tokenizer
        self.model_type = tokenizer.model_type

    def get_num_vocabulary_size(self) -> int:
        """V."""
        return len(self.tokenizer.tokens)

    def ids2tokens(self, integers: np.ndarray | Iterable[int]) -> list[str]:
        """Convert indices to tokens, without symbols that are no text."""
        return self.tokenizer.printed(as_indices(integers))

    def tokens2ids(self, tokens: Iterable[str]) -> list[int]:
        """Convert tokens to indices, preceded by the prompt without its start symbol, which the model adds."""
        return [*self.tokenizer.sot_sequence_including_notimestamps[1:], *self.tokenizer.indices(tokens)]


class OpenAIWhisperTokenIDConverter(WhisperTokenIDConverter):
    """Converter of a published model's tokens; arguments and errors are those of `OpenAIWhisperTokenizer`."""

    def __init__(
        self,
        model_type: str,
        language: str | None = "en",
        task: str = "transcribe",
        added_tokens_txt: str | None = None,
        sot: bool = False,
        speaker_change_symbol: str = "<sc>",
    ) -> None:
        super().__init__(published(model_type, language, task, added_tokens_txt, sot, speaker_change_symbol))


def published(
    model_type: str,
    language: str | None = "en",
    task: str = "transcribe",
    added_tokens_txt: Path | str | None = None,
    sot: bool = False,
    speaker_change_symbol: str = "<sc>",
) -> WhisperVocabulary:
    """Load the vocabulary that upstream's arguments describe; see `OpenAIWhisperTokenizer`."""
    added = [] if added_tokens_txt in (None, "none") else read_symbols(added_tokens_txt, required=True)
    return of_package(model_type, language, task, added, speaker_change_symbol if sot else None)
