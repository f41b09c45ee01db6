"""Preprocessor of spoken language understanding: a text, and the transcript of a first pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.text.cleaner import TextCleaner
from espnet2.text.text_to_ids import TextToIds
from espnet2.text.token_id_converter import TokenIDConverter
from espnet2.train.preprocessing.common import CommonPreprocessor

TRANSCRIPT = "transcript"


class SLUPreprocessor(CommonPreprocessor):
    """`CommonPreprocessor` that converts the field "transcript" to indices of words, too.

    Args:
        train: Whether to add reverberation, noise and effects.
        transcript_token_list: Words of transcripts in the order of their indices, or a file with one on each line;
            None: transcripts are left as they are.
        text_cleaner: Names of cleaners, of texts and transcripts.
        unk_symbol: Token of what is not in a list.
        delimiter: String between words of transcripts, and of texts of token_type word; default: any white space.
        options: Others of `CommonPreprocessor`.

    Raises:
        OptionError: An option that is refused, or does not fit another.
        DataError: A list that cannot be read, or a list of words without `unk_symbol`.
    """

    def __init__(
        self,
        train: bool,
        transcript_token_list: Path | str | Iterable[str] | None = None,
        text_cleaner: Any = None,
        unk_symbol: str = "<unk>",
        delimiter: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(train, text_cleaner=text_cleaner, unk_symbol=unk_symbol, delimiter=delimiter, **options)
        self.transcript_to_ids = None
        if transcript_token_list is not None:
            converter = TokenIDConverter(transcript_token_list, unk_symbol)
            words = build_tokenizer("word", delimiter=delimiter)
            self.transcript_to_ids = TextToIds(TextCleaner(text_cleaner), words, converter)

    def __call__(self, uid: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """As the base class; the transcript becomes int64 (W,).

        Raises:
            DataError: A text or a transcript without tokens.
            AudioError: See the base class.
        """
        values = super().__call__(uid, data)
        if self.transcript_to_ids is not None and isinstance(values.get(TRANSCRIPT), str):
            values[TRANSCRIPT] = self.transcript_to_ids(uid, values[TRANSCRIPT])
        return values
