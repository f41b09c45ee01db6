"""Make the tokenizer that a configuration names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2.interface.errors import ConfigError, OptionError
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.hugging_face_token_id_converter import HuggingFaceTokenIDConverter
from espnet2.text.hugging_face_tokenizer import HuggingFaceTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer
from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer
from espnet2.text.token_id_converter import Converter, TokenIDConverter
from espnet2.text.whisper_token_id_converter import OpenAIWhisperTokenIDConverter
from espnet2.text.whisper_tokenizer import OpenAIWhisperTokenizer, WhisperTokenizer
from espnet2.text.whisper_vocabulary import ASSETS, of_model
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


def _hugging_face(options: Mapping[str, Any]) -> AbsTokenizer:
    return HuggingFaceTokenizer(_named(options, "a directory, or a name on the hub,"))


def _whisper(options: Mapping[str, Any]) -> AbsTokenizer:
    return OpenAIWhisperTokenizer(**_published(options))


def _published(options: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of the classes for a published vocabulary."""
    return {
        "model_type": Path(_named(options, "a name of " + " or ".join(ASSETS))).name,
        "language": options["whisper_language"] or "en",
        "task": options["whisper_task"] or "transcribe",
        "added_tokens_txt": options["non_linguistic_symbols"],
        "sot": options["sot_asr"],
    }


def _named(options: Mapping[str, Any], expected: str) -> str:
    if options["bpemodel"] is None:
        raise OptionError(f"bpemodel: expected {expected} for token_type {options['token_type']}, found None")
    return str(options["bpemodel"])


TOKENIZERS: dict[str, Callable[[Mapping[str, Any]], AbsTokenizer]] = {
    "bpe": _bpe,
    "char": _char,
    "word": _word,
    "phn": _phn,
    "hugging_face": _hugging_face,
    "whisper_en": _whisper,
    "whisper_multilingual": _whisper,
}
PRETRAINED = ("hugging_face", *ASSETS)  # tokenizers with published vocabularies


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
    whisper_language: str | None = None,
    whisper_task: str | None = None,
    sot_asr: bool = False,
) -> AbsTokenizer:
    """Make the tokenizer of a `token_type` with the options that it accepts.

    Raises:
        OptionError: An unknown type, or an invalid option.
    """
    options = dict(locals())
    if token_type not in TOKENIZERS:
        raise OptionError(f"token_type: expected one of {', '.join(TOKENIZERS)}, found {token_type!r}")
    return TOKENIZERS[token_type](options)


def build_converter(
    token_type: str,
    bpemodel: Path | str | None,
    token_list: Path | str | Iterable[str],
    unk_symbol: str = "<unk>",
    non_linguistic_symbols: Path | str | Iterable[str] | None = None,
    whisper_language: str | None = None,
    whisper_task: str | None = None,
    sot_asr: bool = False,
) -> Converter:
    """Make the converter of a `token_type`: over `token_list`, or the published vocabulary that `bpemodel` names.

    Raises:
        OptionError: An invalid option for the type.
        DataError: `token_list` cannot be used.
    """
    options = dict(locals())
    if token_type in ASSETS:
        return OpenAIWhisperTokenIDConverter(**_published(options))
    if token_type == "hugging_face":
        return HuggingFaceTokenIDConverter(_named(options, "a directory, or a name on the hub,"))
    return TokenIDConverter(token_list, unk_symbol)


def load_tokenizer(
    token_type: str | None,
    bpemodel: Path | str | None = None,
    config: Path | str | None = None,
    token_list: Sequence[str] = (),
    language: str | None = None,
    task: str | None = None,
) -> AbsTokenizer | None:
    """Load the tokenizer that converts a recogniser's tokens to text.

    Returns None if the kind of tokens is unknown, or if the model of `bpe` or `hugging_face` is missing, which is
    logged. `config` is the file that names both, if any; log lines and errors mention it. Whisper's tokens are those
    of `token_list`, and texts begin with `language` and `task`.

    Raises:
        OptionError: An unknown type, or a file that is no tokenizer's model; `ConfigError` if `config` is given.
    """
    if token_type is None:
        return None
    if token_type in ("bpe", "hugging_face") and bpemodel is None:
        source = "" if config is None else f"{config}: "
        expected = "%sbpemodel: expected a file for token_type %s, found none: results have no text"
        _log.warning(expected, source, token_type)
        return None
    try:
        if token_type in ASSETS:
            return WhisperTokenizer(of_model(token_list, token_type, language or "en", task or "transcribe"))
        return build_tokenizer(token_type, bpemodel)
    except OptionError as error:
        if config is None:
            raise
        raise ConfigError(f"{config}: {error}") from error
