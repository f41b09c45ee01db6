"""Tokens of transcripts, as a pretrained text model reads them."""

from __future__ import annotations

from pathlib import Path

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.text.hugging_face_tokenizer import HuggingFaceTokenizer

LONGEST = 128  # tokens of a transcript, with those around it; others are left out, as upstream does
START, END = "[CLS]", "[SEP]"  # BERT's, which upstream puts around a transcript whatever the model is


class TranscriptTokenizer:
    """The tokenizer of a pretrained text model, with BERT's symbols of start and end around a transcript.

    Args:
        model: A directory with `tokenizer.json` (or that file), or a name in the hub's cache, see
            `HuggingFaceTokenizer`.

    Attributes:
        content: The whole tokenizer, in JSON.
        padding: Index behind the end of a shorter transcript of a batch.

    Raises:
        OptionError: There is no such tokenizer.
        MissingPackageError: The package tokenizers is not installed.
    """

    padding = 0

    def __init__(self, model: Path | str) -> None:
        try:
            opened = HuggingFaceTokenizer(model)
        except (OptionError, MissingPackageError) as error:
            raise type(error)(f"tokenizer of transcripts: {error}") from error
        self.content = opened.content
        self._tokenizer = opened

    def indices(self, text: str, longest: int = LONGEST) -> list[int]:
        """Indices of the tokens of a transcript, at most `longest` of them with the symbols of start and end."""
        tokens = self._tokenizer.text2tokens(text)[: longest - 2]
        return self._tokenizer.tokens2ids([START, *tokens, END])
