"""Texts of phones: those of POWSM, between slashes, and those of recognisers of phonemes."""

import pytest

from espnet2.runtime.cli.phones import Phones
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer
from espnet2.text.word_tokenizer import WordTokenizer


@pytest.mark.parametrize(
    ("tokenizer", "tokens", "joined", "spaced", "words"),
    [
        (PhonemeTokenizer(None), ["HH", "AY1"], "HHAY1", "HH AY1", [(0, 1), (1, 2)]),
        (CharTokenizer(), ["/pʰ/", "/ɔ/"], "pʰɔ", "pʰ ɔ", [(0, 1), (1, 2)]),
        (CharTokenizer(), [*"/pʰ//ɔ/"], "pʰɔ", "pʰ ɔ", [(0, 7)]),
        (WordTokenizer(), ["/s/", "/ə/"], "sə", "s ə", [(0, 1), (1, 2)]),
        (CharTokenizer(), [*"a/b/c"], "a/b/c", "a/b/c", [(0, 5)]),
        (CharTokenizer(), [], "", "", []),
    ],
)
def test_phones_are_joined_or_divided_by_spaces(tokenizer, tokens, joined, spaced, words):
    assert Phones(tokenizer).tokens2text(tokens) == joined
    assert Phones(tokenizer, spaced=True).tokens2text(tokens) == spaced
    assert Phones(tokenizer).words(tokens) == words
    assert Phones(CharTokenizer()).text2tokens("ab") == ["a", "b"]
