"""The tokenizer that a configuration names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from espnet2.runtime.errors import ConfigError, OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer
from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

_log = logging.getLogger(__name__)


def _bpe(options: Mapping[str, Any]) -> AbsTokenizer:
    if options["bpemodel"] is None:
        raise OptionError("bpemodel: expected the file of a SentencePiece model for token_type bpe, found None")
    if options["remove_non_linguistic_symbols"]:
        raise OptionError("remove_non_linguistic_symbols: expected False for token_type bpe, found True")
    return SentencepiecesTokenizer(options["bpemodel"], options["encode_kwargs"])


def _char(options: Mapping[str, Any]) -> AbsTokenizer:
    return CharTokenizer(
        options["non_linguistic_symbols"],
        options["space_symbol"],
        options["remove_non_linguistic_symbols"],
        options["nonsplit_symbol"],
    )


def _word(options: Mapping[str, Any]) -> AbsTokenizer:
    return WordTokenizer(
        options["delimiter"], options["non_linguistic_symbols"], options["remove_non_linguistic_symbols"]
    )


def _phn(options: Mapping[str, Any]) -> AbsTokenizer:
    return PhonemeTokenizer(
        options["g2p_type"],
        options["non_linguistic_symbols"],
        options["space_symbol"],
        options["remove_non_linguistic_symbols"],
    )


TOKENIZERS: dict[str, Callable[[Mapping[str, Any]], AbsTokenizer]] = {
    "bpe": _bpe,
    "char": _char,
    "word": _word,
    "phn": _phn,
}


def build_tokenizer(
    token_type: str,
    bpemodel: Path | str | None = None,
    non_linguistic_symbols: Path | str | Iterable[str] | None = None,
    remove_non_linguistic_symbols: bool = False,
    space_symbol: str = "<space>",
    delimiter: str | None = None,
    g2p_type: str | None = None,
    nonsplit_symbol: Iterable[str] | None = None,
    encode_kwargs: Mapping[str, Any] | None = None,
) -> AbsTokenizer:
    """The tokenizer of a `token_type`, with those of the options that it has.

    Raises:
        OptionError: An unknown type, or an option that does not fit it.
    """
    options = dict(locals())
    if token_type not in TOKENIZERS:
        raise OptionError(f"token_type: expected one of {', '.join(TOKENIZERS)}, found {token_type!r}")
    return TOKENIZERS[token_type](options)


def load_tokenizer(
    token_type: str | None, bpemodel: Path | str | None = None, config: Path | str | None = None
) -> AbsTokenizer | None:
    """The tokenizer that makes text of a recogniser's tokens.

    None where there is none: the kind of tokens is not known, or the SentencePiece model of `bpe` is not, which is
    logged. `config` is the file that both are from, if any; log lines and errors name it.

    Raises:
        OptionError: An unknown type, or a file that is not a SentencePiece model; `ConfigError` with `config`.
    """
    if token_type is None:
        return None
    if token_type == "bpe" and bpemodel is None:
        source = "" if config is None else f"{config}: "
        _log.warning("%sbpemodel: expected a file for token_type bpe, found none: results have no text", source)
        return None
    try:
        return build_tokenizer(token_type, bpemodel)
    except OptionError as error:
        if config is None:
            raise
        raise ConfigError(f"{config}: {error}") from error
