"""Texts that a model reads, and their conversion to token ids, as a section of `bundle.yaml` describes it:

tokens: [<blank>, <unk>, ...]       in the order of their indices
text: {token_type: phn, cleaner: [tacotron], g2p: g2p_en, non_linguistic_symbols: []}
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet2.interface.errors import BundleError, DataError, listed, shortened
from espnet2.runtime.section import is_list_of, is_mapping, require
from espnet2.text.build_tokenizer import TOKENIZERS, build_tokenizer
from espnet2.text.cleaner import CLEANERS, TextCleaner
from espnet2.text.g2p import CHOICES
from espnet2.text.text_to_ids import TextToIds
from espnet2.text.token_id_converter import lenient_converter

TEXT = ("token_type", "cleaner", "g2p", "non_linguistic_symbols")
BPE, PHONEMES = "bpe", "phn"
SOURCE_MODEL = "src_bpemodel"  # role of the file of a tokenizer of source texts
SHOWN = 80  # characters of a value in an error

_log = logging.getLogger(__name__)


def require_text(found: Any, key: str = "text") -> None:
    """Raise `BundleError` unless `found`, which `key` names in messages, says how texts become tokens."""
    complete = is_mapping(found) and set(found) == set(TEXT)
    require(complete, key, f"the keys {', '.join(TEXT)}", found)
    kind = found["token_type"]
    known = isinstance(kind, str) and kind in TOKENIZERS
    require(known, f"{key}.token_type", f"one of {', '.join(TOKENIZERS)}", kind)
    for name in ("cleaner", "non_linguistic_symbols"):
        require(is_list_of(found[name], str), f"{key}.{name}", "a list of strings", found[name])
    for cleaner in found["cleaner"]:
        require(cleaner in CLEANERS, f"{key}.cleaner", f"some of {', '.join(CLEANERS)}", cleaner)
    g2p = found["g2p"]
    require(g2p is None or isinstance(g2p, str), f"{key}.g2p", "a name", g2p)
    require(kind != PHONEMES or g2p in CHOICES, f"{key}.g2p", f"one of {listed(map(str, CHOICES), g2p)}", g2p)


@dataclass(frozen=True)
class TextReader:
    """Conversion of texts to token ids.

    Attributes:
        tokens: Tokens in the order of their indices.
        text: Keys that `require_text` accepts.
        bpemodel: File of the tokenizer; None: it needs none, or the bundle has none.
        role: Of that file in a bundle, as errors name it.
    """

    tokens: Sequence[str]
    text: Mapping[str, Any]
    bpemodel: Path | None = None
    role: str = "bpemodel"

    @functools.cached_property
    def text_to_ids(self) -> TextToIds:
        """The conversion, made when a text is first read; ids need none of its packages."""
        text = self.text
        if text["token_type"] == BPE and self.bpemodel is None:
            raise BundleError(f"files.{self.role}: expected a file for token_type bpe, found none")
        tokenizer = build_tokenizer(
            text["token_type"],
            self.bpemodel,
            # An unsplittable symbol makes no sense to SentencePiece, whose model has its own.
            text["non_linguistic_symbols"] or None,
            g2p_type=text["g2p"],
        )
        return TextToIds(TextCleaner(text["cleaner"]), tokenizer, lenient_converter(self.tokens))

    @functools.cached_property
    def known(self) -> frozenset[str]:
        """The tokens, to look them up."""
        return frozenset(self.tokens)

    def unknown(self, text: str) -> tuple[list[str], bool]:
        """Tokens of a text that the model does not know, each once, and whether all are unknown."""
        tokens = dict.fromkeys(self.text_to_ids.tokens(text))
        unknown = [token for token in tokens if token not in self.known]
        return unknown, len(unknown) == len(tokens)

    def ids(self, text: Any, name: str = "text", some_known: bool = False) -> np.ndarray:
        """Token ids (U,) int64 of a text, or of ids that are given; errors call it `name`.

        Tokens that the model does not know become its unknown symbol, and a warning names them. With `some_known`, a
        text of nothing else is refused.

        Raises:
            DataError: There is no token, an id is none of the model's, or a token is unknown to a model without an
                unknown symbol.
        """
        if isinstance(text, str):
            unknown, nothing_known = self.unknown(text)
            if unknown and nothing_known and some_known:
                raise DataError(f"{name}: expected tokens that the model knows, found none but {listed(unknown)}")
            if unknown:
                _log.warning("%s: tokens that the model does not know: %s", name, listed(unknown))
            return self.text_to_ids(name, text)
        return ids_of(text, len(self.tokens), name)


def ids_of(given: Any, count: int, name: str) -> np.ndarray:
    """Token ids (U,) int64 below `count`; raises `DataError`, which calls them `name`, for anything else."""
    ids = np.asarray(given)
    if ids.ndim != 1 or not len(ids) or ids.dtype.kind not in "iu":
        found = shortened(repr(given), SHOWN)
        raise DataError(f"{name}: expected a text, or at least one token id (U,), found {found}")
    if not (ids.min() >= 0 and ids.max() < count):
        raise DataError(f"{name}: expected token ids from 0 to {count - 1}, found {ids.min()} to {ids.max()}")
    return ids.astype(np.int64)
