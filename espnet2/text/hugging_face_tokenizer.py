"""Hugging Face tokenizers, by the package tokenizers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.token_id_converter import as_indices
from espnet2.utils.hugging_face import loaded, transformers
from espnet2.utils.json_file import read_json_mapping
from espnet2.utils.text_file import read_text

FILE = "tokenizer.json"  # a whole tokenizer, as the package tokenizers writes it
CONFIG = "tokenizer_config.json"  # beside it: names the symbol for unknown tokens
STARTS = ("\N{LOWER ONE EIGHTH BLOCK}", "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}")  # of tokens that follow a space


class HuggingFaceTokenizer(AbsTokenizer):
    """The tokenizer of a pretrained model.

    Args:
        model: A directory with `tokenizer.json` (or that file), or a name in the hub's cache, for which the package
            transformers is needed, as for a directory without that file. Nothing is downloaded.

    Attributes:
        tokenizer: The tokenizer of the package tokenizers.
        unknown: Index for unknown tokens, if there is one.

    Raises:
        OptionError: There is no such tokenizer.
        MissingPackageError: The package is not installed.
    """

    def __init__(self, model: Path | str) -> None:
        self.model = str(model)
        self.content = _read(model)
        self.tokenizer = _open(self.model, self.content)
        self.unknown = _unknown(Path(model), self.content, self.tokenizer)
        added = self.tokenizer.get_added_tokens_decoder()
        self.special = {index for index, token in added.items() if token.special}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(model="{self.model}")'

    def text2tokens(self, line: str) -> list[str]:
        """Tokens of a line."""
        return self.tokenizer.encode(line, add_special_tokens=False).tokens

    def tokens2text(self, tokens: Iterable[str]) -> str:
        """Join tokens to text in one line, without special tokens, and without spaces at its ends."""
        text = self.tokenizer.decode(self.tokens2ids(tokens), skip_special_tokens=True)
        return text.replace("\n", " ").strip()

    def bundled(self) -> tuple[dict[str, Any], dict[str, Path | bytes]]:
        """See the base class: the whole tokenizer is one file."""
        return {"bpemodel": {"file": FILE}}, {FILE: self.content.encode()}

    def words(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """See the base class: the vocabulary marks the start of a word by a space, or (as WordPiece) other tokens by a
        prefix such as `##`."""
        continued = getattr(self.tokenizer.model, "continuing_subword_prefix", None)
        begins = [not token.startswith(continued) if continued else token.startswith(STARTS) for token in tokens]
        starts = [place for place, begin in enumerate(begins) if begin or place == 0]
        return list(pairwise([*starts, len(tokens)]))

    def converter(self, token_list: Sequence[str]) -> HuggingFaceTokenizer:
        """See the base class: the tokenizer itself is the converter."""
        return self

    def get_num_vocabulary_size(self) -> int:
        """V, without added tokens."""
        return self.tokenizer.get_vocab_size(with_added_tokens=False)

    def ids2tokens(self, integers: np.ndarray | Iterable[int]) -> list[str]:
        """Convert indices to tokens, without special ones and those beyond the vocabulary."""
        text = (index for index in as_indices(integers) if index not in self.special)
        tokens = (self.tokenizer.id_to_token(index) for index in text)
        return [token for token in tokens if token is not None]

    def tokens2ids(self, tokens: Iterable[str]) -> list[int]:
        """Convert tokens to indices; without a symbol for unknown tokens, these are left out."""
        found = (self.tokenizer.token_to_id(token) for token in tokens)
        known = (self.unknown if index is None else index for index in found)
        return [index for index in known if index is not None]


def _read(model: Path | str) -> str:
    """The content of `tokenizer.json`."""
    path = Path(model)
    file = path / FILE if os.path.isdir(path) else path
    if os.path.isfile(file):
        return read_text(file, "a tokenizer in JSON", OptionError, largest="TOKENIZER_BYTES")
    try:
        auto = transformers().AutoTokenizer
    except MissingPackageError as error:
        raise MissingPackageError(
            f"bpemodel: expected {FILE} in {model}, or the package transformers, found none; pip install transformers"
        ) from error
    try:
        tokenizer = loaded(auto, model, "bpemodel: expected a tokenizer of transformers", trust_remote_code=False)
        return tokenizer.backend_tokenizer.to_str()
    except (ValueError, AttributeError) as error:  # a tokenizer written in Python only has no backend
        raise OptionError(str(error)) from error


def _open(model: str, content: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingPackageError(
            "token_type hugging_face: expected the package tokenizers, found none; pip install tokenizers"
        ) from error
    try:
        return Tokenizer.from_str(content)
    except Exception as error:  # the package raises no more specific class
        raise OptionError(f"{model}: expected a tokenizer in JSON, found {str(error)[:150]}") from error


def _unknown(path: Path, content: str, tokenizer: Any) -> int | None:
    """Index of the symbol for unknown tokens, from the model or a file beside it."""
    model = json.loads(content)["model"]
    if type(model.get("unk_id")) is int:
        return int(model["unk_id"])
    symbol = model.get("unk_token") or _settings((path if os.path.isdir(path) else path.parent) / CONFIG).get(
        "unk_token"
    )
    symbol = symbol.get("content") if isinstance(symbol, dict) else symbol
    return tokenizer.token_to_id(symbol) if isinstance(symbol, str) else None


def _settings(file: Path) -> dict[str, Any]:
    """Keys of `tokenizer_config.json`; none where there is no such file."""
    if not os.path.isfile(file):
        return {}
    return read_json_mapping(file, "options of a tokenizer in JSON", OptionError)
