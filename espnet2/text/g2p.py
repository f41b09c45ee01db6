"""Grapheme to phoneme conversion: the choices of `g2p` in upstream's configurations, by other packages."""

from __future__ import annotations

import functools
import importlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from espnet2.interface.errors import MissingPackageError, OptionError, reason_of

G2P = Callable[[str], list[str]]
SPACE = "<space>"


def load_g2p(name: str | None) -> G2P:
    """Return the function from text to phonemes that a configuration names; None: texts are phonemes already.

    Raises:
        OptionError: An unknown name.
        MissingPackageError: The package that it needs is not installed.
    """
    if name not in CHOICES:
        raise OptionError(f"g2p: expected one of {', '.join(map(str, CHOICES))}, found {name!r}")
    return CHOICES[name]()


def _needed(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(f"g2p: expected an installed package {package}, found: {reason_of(error)}") from error


def _without_spaces(g2p: G2P) -> G2P:
    return lambda text: [phone for phone in g2p(text) if phone not in (" ", SPACE)]


def _split() -> G2P:
    """Split phonemes at spaces; three spaces are a space between words."""
    return lambda text: [piece.replace(SPACE, " ") for piece in text.replace("   ", f" {SPACE} ").split(" ")]


def _english() -> G2P:
    package = _needed("g2p_en", "g2p_en")
    try:
        converter = package.G2p()
        converter("a")  # which reads the data of parts of speech
    except LookupError:
        raise MissingPackageError(
            "g2p: expected the data that g2p_en reads, found none: python -m nltk.downloader cmudict "
            "averaged_perceptron_tagger averaged_perceptron_tagger_eng downloads it"
        ) from None
    return converter


# Japanese: full-context labels of HTS, as Open JTalk writes them.
_ACCENTED = re.compile(r"-([^-+]*)\+.*/A:([0-9-]+)\+.*/F:[^_]*_([0-9]+)")
_FIELDS = {
    "from_accent": re.compile(r"/A:(-?\d+)\+"),  # morae from the accent
    "from_start": re.compile(r"/A:[^+]*\+(\d+)\+"),  # of the accent phrase
    "to_end": re.compile(r"/A:[^+]*\+[^+]*\+(\d+)/"),
    "length": re.compile(r"/F:(\d+)_"),
}
_FAR = -50  # upstream's value for a missing field


def _japanese() -> Any:
    return _needed("pyopenjtalk", "pyopenjtalk")


def _japanese_phonemes() -> G2P:
    package = _japanese()
    return lambda text: package.g2p(text, kana=False).split(" ")


def _japanese_kana() -> G2P:
    package = _japanese()
    return lambda text: list(package.g2p(text, kana=True))


def _japanese_accent(pauses: bool) -> G2P:
    """Each phoneme, the position of its phrase's accent, and its mora's distance from that."""
    package = _japanese()

    def phonemes(text: str) -> list[str]:
        found: list[str] = []
        for label in package.extract_fullcontext(text):
            match = _ACCENTED.search(label)
            if match:
                phone, distance, accent = match.groups()
                found += [phone, accent, distance]
            elif pauses and "-pau+" in label:
                found.append("pau")
        return found

    return phonemes


def _japanese_prosody() -> G2P:
    """Phonemes with marks of prosody (Kurihara et al., "Prosodic features control by symbols", 2021)."""
    package = _japanese()
    return lambda text: list(_prosody(package.extract_fullcontext(text)))


def _prosody(labels: list[str]) -> Iterator[str]:
    for place, (label, following) in enumerate(pairwise([*labels, ""])):
        phone = label.partition("-")[2].partition("+")[0]
        if phone == "sil":
            question = "/E:" in label and re.search(r"!(\d+)_", label)
            yield "^" if place == 0 else "?" if question and question.group(1) == "1" else "$"
        elif phone == "pau":
            yield "_"
        else:
            yield phone.lower() if phone in "AEIOU" else phone  # devoiced vowels
            yield from _marks(phone, label, following)


def _marks(phone: str, label: str, following: str) -> Iterator[str]:
    """Mark after a phoneme: end of an accent phrase, fall, or rise."""
    start, next_start = _field("from_start", label), _field("from_start", following)
    if _field("to_end", label) == 1 and next_start == 1 and phone in (*"aeiouAEIOUN", "cl"):
        yield "#"
    elif _field("from_accent", label) == 0 and next_start == start + 1 and start != _field("length", label):
        yield "]"
    elif start == 1 and next_start == 2:
        yield "["


def _field(name: str, label: str) -> int:
    match = _FIELDS[name].search(label)
    return _FAR if match is None else int(match.group(1))


def _pinyin(phones: Callable[[Any, str], list[str]]) -> Callable[[], G2P]:
    return lambda: functools.partial(phones, _needed("pypinyin", "pypinyin"))


def _syllables(package: Any, text: str) -> list[str]:
    return [syllable[0] for syllable in package.pinyin(text, style=package.Style.TONE3)]


def _initials_and_finals(package: Any, text: str) -> list[str]:
    """Initial and final of each syllable, with the tone at the end.

    As in upstream, nü and lü lose their final, and what is no syllable but begins as one follows its initial.
    """
    parts = _needed("pypinyin.style._utils", "pypinyin")
    phones = []
    for syllable in _syllables(package, text):
        initial = parts.get_initials(syllable, strict=True)
        if not syllable[-1].isalnum():
            phones += [initial, syllable]
            continue
        tone = syllable[-1] if syllable[-1].isdigit() else ""
        final = parts.get_finals(syllable.removesuffix(tone), strict=True)
        phones += [initial, final + tone if final else ""]
    return [phone for phone in phones if phone]


def _joined_without_tones(package: Any, text: str) -> list[str]:
    """Initial and final of each syllable joined by an underscore, with v for ü."""
    parts = _needed("pypinyin.style._utils", "pypinyin")
    phones = []
    for (syllable,) in package.pinyin(text, style=package.Style.NORMAL):
        initial, final = (get(syllable, strict=False) for get in (parts.get_initials, parts.get_finals))
        if initial in ("j", "q", "x", "y") and final.startswith("u"):
            final = "v" + final[1:]
        phones.append("_".join(part for part in (initial, final) if part) or syllable)
    return phones


def _espeak(language: str) -> Callable[[], G2P]:
    def make() -> G2P:
        backend = _espeak_backend(language)
        separator = _needed("phonemizer.separator", "phonemizer").Separator(phone=" ", word="", syllable="")
        return lambda text: backend.phonemize([text], separator=separator, strip=False)[0].split()

    return make


def _espeak_characters(language: str) -> Callable[[], G2P]:
    """Every character of espeak-ng's output as a phoneme."""

    def make() -> G2P:
        backend = _espeak_backend(language)
        return lambda text: [SPACE if c == " " else c for c in backend.phonemize([text], strip=True)[0]]

    return make


def _espeak_backend(language: str) -> Any:
    """Phonemizer of a language, with the system's library of espeak-ng or that of the package espeakng-loader."""
    kind = _needed("phonemizer.backend", "phonemizer").EspeakBackend
    if not kind.is_available():
        wrapper = importlib.import_module("phonemizer.backend.espeak.wrapper").EspeakWrapper
        loader = _needed("espeakng_loader", "espeakng-loader, or the program espeak-ng")
        wrapper.set_library(loader.get_library_path())
        wrapper.set_data_path(loader.get_data_path())
    return kind(language, with_stress=True, preserve_punctuation=True)


def _korean(space: str) -> Callable[[], G2P]:
    """Letters (jamo) of a text's pronunciation."""

    def make() -> G2P:
        g2p = _needed("g2pk", "g2pk").G2p()
        return lambda text: [space if c == " " else c for c in unicodedata.normalize("NFD", g2p(text))]

    return make


PUNCTUATION = "!'(),-.:;?"
_JASO = re.compile(f"[{re.escape(PUNCTUATION)} \u1100-\u1112\u1161-\u1175\u11a8-\u11c2]")


def _jaso() -> G2P:
    """Letters (jamo) and punctuation of a text."""

    def letters(text: str) -> list[str]:
        return [SPACE if c == " " else c for c in _JASO.findall(unicodedata.normalize("NFD", text))]

    return letters


def _icelandic() -> G2P:
    transcriber = _needed("ice_g2p.transcriber", "ice-g2p").Transcriber(use_dict=True, use_syll=False)
    return lambda text: transcriber.transcribe(text).split()


ESPEAK = {
    **{"arabic": "ar", "german": "de", "french": "fr-fr", "spanish": "es", "russian": "ru", "greek": "el"},
    **{"finnish": "fi", "hungarian": "hu", "dutch": "nl", "hindi": "hi", "italian": "it", "ukrainian": "uk"},
    **{"polish": "pl"},
}
CHOICES: dict[str | None, Callable[[], G2P]] = {
    None: _split,
    "g2p_en": _english,
    "g2p_en_no_space": lambda: _without_spaces(_english()),
    "pyopenjtalk": _japanese_phonemes,
    "pyopenjtalk_kana": _japanese_kana,
    "pyopenjtalk_accent": lambda: _japanese_accent(pauses=False),
    "pyopenjtalk_accent_with_pause": lambda: _japanese_accent(pauses=True),
    "pyopenjtalk_prosody": _japanese_prosody,
    "pypinyin_g2p": _pinyin(_syllables),
    "pypinyin_g2p_phone": _pinyin(_initials_and_finals),
    "pypinyin_g2p_phone_without_prosody": _pinyin(_joined_without_tones),
    **{f"espeak_ng_{name}": _espeak(language) for name, language in ESPEAK.items()},
    "espeak_ng_english_us_vits": _espeak_characters("en-us"),
    "g2pk": _korean(" "),
    "g2pk_no_space": lambda: _without_spaces(_korean(" ")()),
    "g2pk_explicit_space": _korean(SPACE),
    "korean_jaso": _jaso,
    "korean_jaso_no_space": lambda: _without_spaces(_jaso()),
    "g2p_is": _icelandic,
}
