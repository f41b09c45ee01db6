"""Pieces of words as tokens, by a SentencePiece model (Kudo and Richardson 2018)."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from espnet2.runtime.errors import OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer


class SentencepiecesTokenizer(AbsTokenizer):
    """Encodes and decodes with a SentencePiece model, which is opened on first use.

    Args:
        model: The model's file.
        encode_kwargs: Options of `SentencePieceProcessor.encode`, such as those of subword regularisation.

    Raises:
        OptionError: On first use, where the file is missing or not a SentencePiece model.
    """

    def __init__(self, model: Path | str, encode_kwargs: Mapping[str, Any] | None = None) -> None:
        # Found from where it was named, even if the working directory changes before it is opened.
        self.model = Path(model).absolute()
        self.encode_kwargs = dict(encode_kwargs or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={str(self.model)!r})"

    @functools.cached_property
    def processor(self) -> Any:
        """The opened model."""
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(self.model.read_bytes())
        except (OSError, RuntimeError) as error:
            found = error.strerror if isinstance(error, OSError) else "something else"
            raise OptionError(f"{self.model}: expected a SentencePiece model, found {found}") from error
        return processor

    def text2tokens(self, line: str) -> list[str]:
        """Pieces of a line."""
        return self.processor.EncodeAsPieces(line, **self.encode_kwargs)

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Text of a sequence of pieces."""
        return self.processor.DecodePieces(list(tokens))
