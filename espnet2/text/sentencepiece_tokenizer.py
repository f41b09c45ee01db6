"""Subword tokens by a SentencePiece model (Kudo and Richardson 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from espnet2.interface.errors import HALVES, MissingPackageError, OptionError
from espnet2.interface.foreign_file import read_foreign
from espnet2.text.abs_tokenizer import AbsTokenizer

EXPECTED = "a SentencePiece model"
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's text for an unknown piece


class SentencepiecesTokenizer(AbsTokenizer):
    """Tokenizer over a SentencePiece model.

    Args:
        model: The model's file.
        encode_kwargs: Options of `SentencePieceProcessor.encode`, such as those of subword regularisation.

    Raises:
        OptionError: The file is missing, or not a SentencePiece model.
        MissingPackageError: sentencepiece is not installed.
    """

    def __init__(self, model: Path | str, encode_kwargs: Mapping[str, Any] | None = None) -> None:
        self.model = Path(model).absolute()
        self.encode_kwargs = dict(encode_kwargs or {})
        self.processor = _open(self.model)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={str(self.model)!r})"

    def text2tokens(self, line: str) -> list[str]:
        """Pieces of a line; halves of characters, which the package cannot take, are unknown ones."""
        return self.processor.EncodeAsPieces(HALVES.sub("\N{REPLACEMENT CHARACTER}", line), **self.encode_kwargs)

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Text of a sequence of pieces."""
        return self.processor.DecodePieces(list(tokens))

    def bundled(self) -> tuple[dict[str, Any], dict[str, Path | bytes]]:
        """The model's file."""
        return {"bpemodel": {"file": "bpe.model"}}, {"bpe.model": self.model}

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """Each piece that begins with a space, and the pieces behind it that do not."""
        starts = [place for place, token in enumerate(tokens) if token.startswith(SPACE) or place == 0]
        return list(pairwise([*starts, len(tokens)]))


def _open(model: Path) -> Any:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise MissingPackageError(
            f"{model}: expected the package sentencepiece, found none; pip install sentencepiece"
        ) from error
    content = read_foreign(model, EXPECTED, OptionError, "TOKENIZER_BYTES")
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(content)
        if processor.GetPieceSize() == 0:
            raise RuntimeError("no pieces")
    except Exception as error:  # the package's errors have no common base but this
        raise OptionError(f"{model}: expected {EXPECTED}, found something else") from error
    return processor
