"""A model of spoken language understanding in the runtime: that of a search, with the reader of its transcripts."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from espnet2.interface.errors import DataError, OptionError, shortened
from espnet2.runtime.search_model import SearchModel
from espnet2.runtime.slu_section import SLUSection
from espnet2.text.cleaner import TextCleaner
from espnet2.text.token_id_converter import lenient_converter
from espnet2.text.transcript_tokenizer import TranscriptTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

TOKENIZER_FILE = "transcript_tokenizer"  # role of a file of the bundle
_SHOWN = 60  # characters of a transcript in a message

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TranscriptReader:
    """Conversion of transcripts, as texts or indices of words, to tokens of the text model that reads them.

    Attributes:
        section: Of the bundle, with the words of transcripts and their cleaners.
        tokenizer: Of the text model.
    """

    section: SLUSection
    tokenizer: TranscriptTokenizer

    def tokens(self, transcript: Any) -> list[int]:
        """Tokens of a transcript: a text, or indices of words.

        Unknown words are read as `<unk>`, which is logged.

        Raises:
            DataError: A transcript without words, or with unknown ones that the list has no token for.
            OptionError: Indices beyond the list of words.
        """
        words = self._of_text(transcript) if isinstance(transcript, str) else self._of_indices(transcript)
        if not words:
            raise DataError(f"transcript: expected at least one word, found {shortened(repr(transcript), _SHOWN)}")
        return self.tokenizer.indices(" ".join(words))

    def _of_text(self, text: str) -> list[str]:
        """Words of a text, as training has them."""
        words = self._split.text2tokens(self._clean(text))
        try:
            ids = self._words.tokens2ids(words)
        except DataError as error:  # of a list without a word for others
            raise DataError(f"transcript: {error}") from error
        if unknown := [word for word in words if word not in self._words.token2id]:
            _log.warning("transcript: %d of %d words are unknown, as %s", len(unknown), len(words), unknown[0][:_SHOWN])
        return self._words.ids2tokens(ids)

    def _of_indices(self, transcript: Any) -> list[str]:
        count = len(self.section.transcript_tokens)
        ids = [int(index) for index in np.asarray(transcript).ravel()]
        for index in ids:
            if not 0 <= index < count:
                raise OptionError(f"transcript: expected indices of {count} words, found {index}")
        return self._words.ids2tokens(ids)

    @functools.cached_property
    def _clean(self) -> TextCleaner:
        return TextCleaner(self.section.transcript_cleaner)

    @functools.cached_property
    def _split(self) -> WordTokenizer:
        return WordTokenizer()

    @functools.cached_property
    def _words(self) -> Any:
        return lenient_converter(self.section.transcript_tokens)


@dataclass(frozen=True)
class SLUModel(SearchModel):
    """`SearchModel`, and the reader of transcripts; None: the model reads none."""

    transcripts: TranscriptReader | None = None


def with_transcripts(model: SearchModel, tokenizer: TranscriptTokenizer | None) -> SLUModel:
    """The model with the tokenizer of its transcripts; None: it reads none."""
    section: Any = model.section
    reader = None if tokenizer is None else TranscriptReader(section, tokenizer)
    return SLUModel(**{item.name: getattr(model, item.name) for item in fields(model)}, transcripts=reader)


def example_transcript(section: SLUSection) -> Sequence[int] | None:
    """Indices of a few words, for verification; None where the model reads no transcripts."""
    count = len(section.transcript_tokens)
    return list(range(count))[1:8] or [0] if count else None
