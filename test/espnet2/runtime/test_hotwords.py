"""Lists of hotwords: how they are read and spelt, and what they change in the texts of the demo recogniser."""

import math
import time

import numpy as np
import pytest
import soundfile

from espnet2.interface.errors import OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.hotwords import Speller, make_hotwords, read_hotwords
from espnet2.runtime.options import DecodeOptions
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.char_tokenizer import CharTokenizer

CHARS = ["<blank>", "<unk>", "<space>", "a", "b", "c", "<sos/eos>"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("zero\n", {"zero": 1.0}),
        ("zero 2.5\nnew york -1\n", {"zero": 2.5, "new york": -1.0}),
        ("\ufeffroute 66 1\r\n\n  nan  \n", {"route 66": 1.0, "nan": 1.0}),
        ("zero 1\nzero 2\n", {"zero": 2.0}),
    ],
)
def test_a_line_is_a_word_and_its_boost(tmp_path, text, words):
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_hotwords(path) == words == read_hotwords(str(path))


def test_lists_and_mappings_are_read_as_they_are():
    assert read_hotwords(["a", "b"]) == {"a": 1.0, "b": 1.0}
    assert read_hotwords({"a": 2}) == {"a": 2.0}
    assert read_hotwords([]) == read_hotwords(None) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "words.txt: expected at least one line `word .boost.`, found none"),
        ("a\nb nan\n", "words.txt: line 2: expected a finite boost, found nan"),
        ("a -inf\n", "words.txt: line 1: expected a finite boost, found -inf"),
        ("a\0b", "words.txt: expected a file of hotwords in UTF-8, found zero bytes"),
    ],
)
def test_files_without_words_or_with_other_boosts_are_refused(tmp_path, text, sentence):
    (tmp_path / "words.txt").write_text(text)
    with pytest.raises(OptionError, match=sentence):
        read_hotwords(tmp_path / "words.txt")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (3, "hotwords: expected words, .* found 3"),
        ([3], "hotwords: expected words, .* found 3"),
        (["a", " "], "hotwords: expected words, .* found ' '"),
        ({"a": math.nan}, "hotwords: 'a': expected a finite boost, found nan"),
        ({"a": "1"}, "hotwords: 'a': expected a finite boost, found '1'"),
    ],
)
def test_options_of_another_kind_are_refused(given, sentence):
    with pytest.raises(OptionError, match=sentence):
        DecodeOptions(hotwords=given)


@pytest.mark.parametrize("weight", [math.inf, math.nan, "3"])
def test_the_weight_is_a_finite_number(weight):
    with pytest.raises(OptionError, match="hotword_weight: expected a finite number"):
        DecodeOptions(hotword_weight=weight)


def test_words_that_the_tokens_cannot_write_are_refused_by_name():
    with pytest.raises(OptionError, match="hotwords: 'abd': expected a word of the model's tokens, found 'd'"):
        make_hotwords(["abc", "abd"], CharTokenizer(), CHARS)
    with pytest.raises(OptionError, match="hotwords: expected none, since the model's tokenizer is not known"):
        make_hotwords(["abc"], None, CHARS)
    assert make_hotwords([], None, CHARS) is None


class Marked(AbsTokenizer):
    """Characters, of which one behind a space is a token of its own, as in byte-level vocabularies."""

    def text2tokens(self, line):
        return [f"_{line[1]}", *line[2:]] if line.startswith(" ") else list(line)

    def tokens2text(self, tokens):
        return "".join(tokens).replace("_", " ")

    def words(self, tokens):
        raise NotImplementedError


def test_a_word_has_tokens_at_the_start_and_behind_another_word():
    assert Speller(CharTokenizer(), CHARS)("ab a") == [[3, 4, 2, 3]]
    assert Speller(Marked(), ["<unk>", "a", "b", "_a"])("ab") == [[1, 2], [3, 2]]


def test_ten_thousand_words_are_read_quickly():
    words = {"".join("abc"[n // 3**place % 3] for place in range(9)): 1.0 for n in range(10_000)}
    start = time.process_time()
    scorer = make_hotwords(words, CharTokenizer(), CHARS)
    scores, _ = scorer.batch_score(np.array([[3], [4]]), [0, 0], np.zeros(1))
    assert scores[:, 3:6] == pytest.approx(1 / 9)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("options", "word"),
    [({}, "seven"), ({"ctc_weight": 1.0}, "six"), ({"time_sync": True}, "seven"), ({"partial_ar": True}, "seven")],
)
def test_a_boosted_word_appears_where_it_did_not(demo_bundle, demo_dir, options, word):
    """In noise as loud as the speech, of which the recogniser finds some words."""
    speech, _ = soundfile.read(demo_dir / "recordings" / "en-gb-scotland_f3-test-00002.flac", dtype="float32")
    noise = np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    noisy = speech + 0.9 * speech.std() * noise
    demo = Speech2Text(demo_bundle, beam_size=5, lm_weight=0.0, num_threads=1, **options)
    (plain,) = demo(noisy)
    assert word not in plain.text
    assert word in demo(noisy, hotwords=[word], hotword_weight=15.0)[0].text
    assert word in demo(noisy, hotwords={word: 5.0})[0].text
    (again,) = demo(noisy, hotwords=[])
    assert (again.text, float(again.hypothesis.score)) == (plain.text, float(plain.hypothesis.score))
    assert demo(noisy, hotword_weight=9.0)[0].text == plain.text


@pytest.mark.parametrize("options", [{"ctc_greedy": True}])
def test_searches_without_scores_refuse_hotwords(demo_bundle, options):
    with pytest.raises(OptionError, match="hotwords: expected a search that mixes scores, found ctc_greedy"):
        Speech2Text(demo_bundle, hotwords=["zero"], num_threads=1, lm_weight=0.0, beam_size=1, **options)
