"""The vocabulary, and cleaners of text."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from espnet2.interface.errors import DataError, MissingPackageError, OptionError
from espnet2.text.cleaner import CLEANERS, TextCleaner
from espnet2.text.token_id_converter import TokenIDConverter

CLEANED = Path(__file__).parents[2] / "golden/cleaners.json"  # by `tools/make_cleaner_golden.py`


def test_both_ways():
    converter = TokenIDConverter(["<blank>", "<unk>", "a", "b"])
    assert converter.get_num_vocabulary_size() == 4
    assert converter.ids2tokens([2, 0]) == ["a", "<blank>"]
    assert converter.ids2tokens(np.array([1, -1])) == ["<unk>", "b"]
    assert converter.tokens2ids(["a", "zz", "b"]) == [2, 1, 3]
    with pytest.raises(ValueError, match=r"expected indices of shape \(U,\), found \(1, 1\)"):
        converter.ids2tokens(np.array([[1]]))
    with pytest.raises(IndexError):
        converter.ids2tokens([9])


def test_a_file_of_tokens(tmp_path):
    path = tmp_path / "tokens.txt"
    path.write_text("<blank>\n<unk>\na \n b\n日\n", encoding="utf-8")
    assert TokenIDConverter(path).token_list == ["<blank>", "<unk>", "a", " b", "日"]


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["<unk>", "a", "a"], "token list: expected each token once, found 'a' again"),
        (["a"], "token list: expected the unknown symbol '<unk>', found none"),
        ("none.txt", "none.txt: expected a token list in UTF-8, found No such file or directory"),
    ],
)
def test_vocabularies_that_cannot_be_used(tokens, sentence):
    with pytest.raises(DataError) as error:
        TokenIDConverter(tokens)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("안녕 Hello 12 abc", "안녕 에이치이엘엘오 일이 에이비씨"),
        ('Dr. 12 $3.50 "q"', '디알. 일이 $삼.오영 "큐"'),
        (" a  b ", "에이  비"),
        ("é １", "é １"),
    ],
)
def test_korean_cleaner(text, cleaned):
    assert TextCleaner("korean_cleaner")(text) == cleaned


def test_no_cleaner():
    assert TextCleaner()(" a ") == " a "
    assert TextCleaner([])(" a ") == " a "


PACKAGES = {"tacotron": "tacotron_cleaner", "jaconv": "jaconv"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")  # of the packages
@pytest.mark.parametrize(("name", "text", "cleaned"), json.loads(CLEANED.read_text(encoding="utf-8")))
def test_texts_are_cleaned_as_by_upstream(name, text, cleaned):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    assert TextCleaner([name])(text) == cleaned


def test_cleaners_in_turn(monkeypatch):
    monkeypatch.setitem(CLEANERS, "tacotron", str.upper)
    monkeypatch.setitem(CLEANERS, "jaconv", lambda text: f"<{text}>")
    assert TextCleaner(["tacotron", "jaconv"])("a") == "<A>"


def test_unknown_cleaner():
    with pytest.raises(OptionError, match=r"cleaner: expected one of tacotron, jaconv, vietnamese, .*, found 'foo'"):
        TextCleaner(["foo"])


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("tacotron", "tacotron_cleaner"),
        ("jaconv", "jaconv"),
        ("vietnamese", "vietnamese_cleaner"),
        ("whisper_en", "whisper"),
        ("whisper_basic", "whisper"),
    ],
)
def test_a_cleaner_whose_package_is_missing(name, module):
    if importlib.util.find_spec(module):
        pytest.skip(f"needs an environment without {module}")
    with pytest.raises(
        MissingPackageError, match=r"cleaner: expected an installed package .*, found none: pip install"
    ):
        TextCleaner(name)("a")
