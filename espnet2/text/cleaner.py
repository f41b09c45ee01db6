"""Text normalisation by the cleaners of upstream's configurations, which need other packages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from types import ModuleType

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.text.korean_cleaner import KoreanCleaner


def _tacotron(text: str) -> str:
    return _needed("tacotron_cleaner.cleaners", "espnet_tts_frontend").custom_english_cleaners(text)


def _jaconv(text: str) -> str:
    return _needed("jaconv", "jaconv").normalize(text)


def _vietnamese(text: str) -> str:
    return _needed("vietnamese_cleaner.vietnamese_cleaners", "vietnamese_cleaner").vietnamese_cleaner(text)


def _whisper_en(text: str) -> str:
    return _needed("whisper.normalizers", "openai-whisper").EnglishTextNormalizer()(text)


def _whisper_basic(text: str) -> str:
    return _needed("whisper.normalizers", "openai-whisper").BasicTextNormalizer()(text)


def _needed(module: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"cleaner: expected an installed package {package}, found none: pip install {package}"
        ) from error


CLEANERS: dict[str, Callable[[str], str]] = {
    "tacotron": _tacotron,
    "jaconv": _jaconv,
    "vietnamese": _vietnamese,
    "korean_cleaner": KoreanCleaner.normalize_text,
    "whisper_en": _whisper_en,
    "whisper_basic": _whisper_basic,
}


class TextCleaner:
    """Applies cleaners in turn.

    Args:
        cleaner_types: Names of cleaners, or one name.

    Raises:
        OptionError: An unknown name.
        MissingPackageError: On use, if the cleaner's package is not installed.
    """

    def __init__(self, cleaner_types: Collection[str] | None = None) -> None:
        self.cleaner_types = [cleaner_types] if isinstance(cleaner_types, str) else list(cleaner_types or ())
        for name in self.cleaner_types:
            if name not in CLEANERS:
                raise OptionError(f"cleaner: expected one of {', '.join(CLEANERS)}, found {name!r}")

    def __call__(self, text: str) -> str:
        for name in self.cleaner_types:
            text = CLEANERS[name](text)
        return text
