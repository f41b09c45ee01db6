"""Where long texts are cut."""

import pytest

from espnet2.runtime.long_texts import cut_text, is_punctuation


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("One two. Three four.", 100, ["One two. Three four."]),
        ("One two. Three four.", 12, ["One two.", "Three four."]),
        ('He said "go!" Then he went.', 15, ['He said "go!"', "Then he went."]),
        ("One, two and three", 12, ["One,", "two and", "three"]),
        ("We met. Then Dr. J. Smith came", 26, ["We met.", "Then Dr. J. Smith came"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("你好。再见。", 4, ["你好。", "再见。"]),
        ("1. " + "word " * 20, 64, ["1. " + "word " * 11 + "word", "word " * 7 + "word"]),
        ("  ", 5, []),
        ("One\nTwo", 5, ["One", "Two"]),
    ],
)
def test_texts_are_cut_at_the_best_places(text, longest, expected):
    found = cut_text(text, longest)
    assert found == expected
    assert all(0 < len(piece) <= longest for piece in found)


def test_nothing_is_lost():
    text = "The quick brown fox, it jumps; over (the) lazy dog. " * 200
    assert " ".join(cut_text(text, 300)).split() == text.split()


@pytest.mark.parametrize(
    ("text", "expected"), [("...", True), (" ", True), ("a.", False), ("", False), ("ə", False), ("。！", True)]
)
def test_punctuation(text, expected):
    assert is_punctuation(text) == expected
