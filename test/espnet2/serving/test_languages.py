"""Languages by their codes of two letters."""

import pytest

from espnet2.serving.languages import CODES, known_language

TOKENS = ["<blank>", "<eng>", "<deu>", "<fr>", "<fra>", "<zho>"]


@pytest.mark.parametrize(
    "given, found",
    [
        *[(None, None), ("", ""), ("eng", "eng"), ("<eng>", "<eng>"), ("en", "eng"), ("EN", "eng"), ("<de>", "deu")],
        *[("fr", "fr"), ("ja", "ja"), ("xx", "xx"), ("zh", "zho")],
    ],
)
def test_a_language_has_the_name_that_the_model_knows(given, found):
    assert known_language(given, TOKENS) == found


def test_codes():
    assert {len(code) for code in CODES} == {2} and {len(code) for code in CODES.values()} == {3}
    assert len(set(CODES.values())) == len(CODES)
