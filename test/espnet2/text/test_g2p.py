"""Phonemes of letters, against upstream's (test/golden/g2p.json)."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.text import g2p
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer, g2p_choices

GOLDEN = json.loads((Path(__file__).resolve().parents[3] / "test" / "golden" / "g2p.json").read_text())
NEEDED = {"pypinyin": "pypinyin", "espeak": "phonemizer"}
JAPANESE = GOLDEN["japanese"]
OPEN_JTALK = SimpleNamespace(
    extract_fullcontext=lambda text: JAPANESE[text][0], g2p=lambda text, kana: JAPANESE[text][1 + kana]
)


def test_choices_are_upstreams():
    assert set(g2p_choices) == set(GOLDEN["choices"])


@pytest.mark.parametrize("name, text, tokens", GOLDEN["rows"])
def test_as_upstream(name, text, tokens, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyopenjtalk", OPEN_JTALK)
    for family, package in NEEDED.items():
        if name.startswith(family):
            pytest.importorskip(package)
    tokenizer = PhonemeTokenizer(name)
    assert tokenizer.g2p_type == name and name in repr(tokenizer)
    assert tokenizer.text2tokens(text) == tokens


def module(name: str, **attributes) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(attributes)
    return made


class Spelling:
    """In place of the packages that make phonemes of English and Korean."""

    def __call__(self, text: str):
        return list(text) if text.isascii() else text


@pytest.mark.parametrize(
    "name, package, text, tokens",
    [
        ("g2p_en", "g2p_en", "a b", ["a", " ", "b"]),
        ("g2p_en_no_space", "g2p_en", "a b", ["a", "b"]),
        ("g2pk", "g2pk", "나 는", ["ᄂ", "ᅡ", " ", "ᄂ", "ᅳ", "ᆫ"]),
        ("g2pk_no_space", "g2pk", "나 는", ["ᄂ", "ᅡ", "ᄂ", "ᅳ", "ᆫ"]),
        ("g2pk_explicit_space", "g2pk", "나 는", ["ᄂ", "ᅡ", "<space>", "ᄂ", "ᅳ", "ᆫ"]),
    ],
)
def test_over_packages(name, package, text, tokens, monkeypatch):
    monkeypatch.setitem(sys.modules, package, module(package, G2p=Spelling))
    assert PhonemeTokenizer(name).text2tokens(text) == tokens


def test_icelandic(monkeypatch):
    made = SimpleNamespace(transcribe=lambda text: "h a")
    package = module("ice_g2p.transcriber", Transcriber=lambda **options: made)
    monkeypatch.setitem(sys.modules, "ice_g2p", module("ice_g2p"))
    monkeypatch.setitem(sys.modules, "ice_g2p.transcriber", package)
    assert PhonemeTokenizer("g2p_is").text2tokens("hæ") == ["h", "a"]


class Backend:
    """In place of phonemizer's, without and with the library of espeak-ng."""

    library: str | None = None

    def __init__(self, language: str, **options: bool) -> None:
        assert options == {"with_stress": True, "preserve_punctuation": True}
        self.language = language

    @classmethod
    def is_available(cls) -> bool:
        return cls.library is not None

    def phonemize(self, texts: list, separator: object = None, strip: bool = False) -> list:
        return ["h ə l " if separator else "hə l"]


def test_espeak_ng_of_a_package(monkeypatch):
    wrapper = SimpleNamespace(
        set_library=lambda path: setattr(Backend, "library", path), set_data_path=lambda path: None
    )
    loader = module("espeakng_loader", get_library_path=lambda: "library", get_data_path=lambda: "data")
    modules = {
        "phonemizer": module("phonemizer"),
        "phonemizer.backend": module("phonemizer.backend", EspeakBackend=Backend),
        "phonemizer.backend.espeak": module("phonemizer.backend.espeak"),
        "phonemizer.backend.espeak.wrapper": module("phonemizer.backend.espeak.wrapper", EspeakWrapper=wrapper),
        "phonemizer.separator": module("phonemizer.separator", Separator=lambda **options: options),
        "espeakng_loader": loader,
    }
    for name, made in modules.items():
        monkeypatch.setitem(sys.modules, name, made)
    assert PhonemeTokenizer("espeak_ng_german").text2tokens("hell") == ["h", "ə", "l"]
    assert Backend.library == "library"
    assert PhonemeTokenizer("espeak_ng_english_us_vits").text2tokens("hell") == ["h", "ə", "<space>", "l"]


def test_phonemes_as_they_are():
    assert PhonemeTokenizer(None).text2tokens("HH AH0   W") == ["HH", "AH0", " ", "W"]


@pytest.mark.parametrize("name", [name for name in g2p.CHOICES if name and not name.startswith("korean")])
def test_a_package_that_is_not_installed(name, monkeypatch):
    def absent(module: str):
        raise ImportError(f"No module named '{module}'")

    monkeypatch.setattr(g2p.importlib, "import_module", absent)
    with pytest.raises(MissingPackageError, match=r"g2p: expected an installed package .*, found: No module named"):
        PhonemeTokenizer(name)


def test_the_data_of_a_package_that_is_not_there(monkeypatch):
    def absent() -> None:
        raise LookupError("Resource cmudict not found.")

    monkeypatch.setitem(sys.modules, "g2p_en", module("g2p_en", G2p=absent))
    with pytest.raises(MissingPackageError, match=r"expected the data that g2p_en reads, found none: .*nltk"):
        PhonemeTokenizer("g2p_en")


def test_an_unknown_choice():
    with pytest.raises(OptionError, match=r"g2p: expected one of None, g2p_en, .*found 'g2p_x'"):
        PhonemeTokenizer("g2p_x")
