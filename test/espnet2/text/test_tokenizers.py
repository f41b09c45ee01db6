"""Tokenizers against what upstream's give for the same lines."""

import pytest

from espnet2.interface.errors import ConfigError, OptionError
from espnet2.text.build_tokenizer import build_tokenizer, load_tokenizer
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer
from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

SYMBOLS = {"non_linguistic_symbols": ["<sil>", "[x y]"]}
REMOVED = {**SYMBOLS, "remove_non_linguistic_symbols": True}

KINDS = "bpe, char, word, phn, hugging_face, whisper_en, whisper_multilingual"


@pytest.mark.parametrize(
    ("options", "line", "tokens"),
    [
        ({}, "wor<sil>", ["w", "o", "r", "<", "s", "i", "l", ">"]),
        ({}, "a  b ", ["a", "<space>", "<space>", "b", "<space>"]),
        ({}, "日本 語", ["日", "本", "<space>", "語"]),
        ({}, "a\tb", ["a", "\t", "b"]),
        ({}, "", []),
        (SYMBOLS, "[x y] a<sil>", ["[x y]", "<space>", "a", "<sil>"]),
        (REMOVED, "[x y] a<sil>", ["<space>", "a"]),
        (REMOVED, "<sil>", []),
        ({"space_symbol": "_"}, "a b", ["a", "_", "b"]),
        ({"nonsplit_symbols": ["wor:W"]}, "a word", ["a", "<space>", "wor", "d"]),
        ({"nonsplit_symbols": ["ab:c"]}, "xaby abc", ["x", "ab", "y", "<space>", "ab", "c"]),
        ({"nonsplit_symbols": ["", "ab"]}, "xab", ["x", "ab"]),
    ],
)
def test_characters(options, line, tokens):
    assert CharTokenizer(**options).text2tokens(line) == tokens


@pytest.mark.parametrize(
    ("space", "text"),
    [("<space>", "a b<sil>_W"), ("_", "a<space>b<sil> W")],
)
def test_characters_to_text(space, text):
    assert CharTokenizer(space_symbol=space).tokens2text(["a", "<space>", "b", "<sil>", "_", "W"]) == text


@pytest.mark.parametrize(
    ("options", "line", "tokens"),
    [
        ({}, "a  b ", ["a", "b"]),
        ({}, "a\tb", ["a", "b"]),
        ({}, "", []),
        ({"delimiter": "|"}, "a|b||c", ["a", "b", "", "c"]),
        ({"delimiter": "|"}, "", [""]),
        (SYMBOLS, "a <sil> b<sil>", ["a", "<sil>", "b<sil>"]),
        (REMOVED, "a <sil> b<sil>", ["a", "b<sil>"]),
        ({**REMOVED, "delimiter": " "}, "a  b ", ["a", "", "b", ""]),
        ({**REMOVED, "delimiter": " "}, "<sil>", []),
    ],
)
def test_words(options, line, tokens):
    assert WordTokenizer(**options).text2tokens(line) == tokens


@pytest.mark.parametrize(("delimiter", "text"), [(None, "a <space> b"), ("|", "a|<space>|b")])
def test_words_to_text(delimiter, text):
    assert WordTokenizer(delimiter).tokens2text(["a", "<space>", "b"]) == text


@pytest.mark.parametrize(
    ("options", "line", "tokens"),
    [
        ({}, "AA  B ", ["AA", "", "B", ""]),
        ({}, "", [""]),
        ({}, "a\tb", ["a\tb"]),
        (SYMBOLS, "[x y] a<sil>", ["[x", "y]", "a<sil>"]),
        (REMOVED, "wor<sil>ld [x y] a", ["world", "", "a"]),
        (REMOVED, "a <sil> b", ["a", "", "b"]),
    ],
)
def test_phonemes(options, line, tokens):
    assert PhonemeTokenizer(None, **options).text2tokens(line) == tokens


def test_phonemes_to_text():
    assert PhonemeTokenizer(None).tokens2text(["a", "<space>", "b"]) == "a<space>b"


@pytest.fixture
def bpe(demo_dir):
    return demo_dir / "exp" / "asr" / "bpe.model"


def test_pieces(bpe):
    tokenizer = SentencepiecesTokenizer(bpe)
    pieces = tokenizer.text2tokens(" seven  zero ")
    assert "".join(pieces) == "▁seven▁zero"
    assert len(pieces) > 2
    assert tokenizer.tokens2text(pieces) == "seven zero"
    assert tokenizer.text2tokens("") == []


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["<unk>", "▁one"], " ⁇  one"),
        ([], ""),
        (["<blank>"], "<blank>"),
        (["▁"], ""),
        (["▁", "e", "▁"], "e "),
        (["日"], "日"),
    ],
)
def test_pieces_to_text(bpe, pieces, text):
    assert SentencepiecesTokenizer(bpe).tokens2text(pieces) == text


def test_the_model_is_found_from_where_it_was_named(bpe, tmp_path, monkeypatch):
    monkeypatch.chdir(bpe.parent)
    tokenizer = SentencepiecesTokenizer("bpe.model")
    monkeypatch.chdir(tmp_path)
    assert tokenizer.text2tokens("a")


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "No such file or directory"), (b"no model", "something else"), (b"", "something else")],
)
def test_no_model(tmp_path, content, found):
    path = tmp_path / "x.model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OptionError) as error:
        load_tokenizer("bpe", path)
    assert str(error.value) == f"{path}: expected a SentencePiece model, found {found}"


def test_symbols_from_a_file(tmp_path):
    (tmp_path / "symbols").write_text("<sil>\n[x y]\n\n", encoding="utf-8")
    tokenizer = CharTokenizer(non_linguistic_symbols=tmp_path / "symbols")
    assert tokenizer.text2tokens("a<sil>[x y]b") == ["a", "<sil>", "[x y]", "b"]
    assert CharTokenizer(non_linguistic_symbols=tmp_path / "none").text2tokens("<s>") == ["<", "s", ">"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"token_type": "char", "space_symbol": "_"}, "CharTokenizer(space_symbol='_')"),
        ({"token_type": "word", "delimiter": ","}, "WordTokenizer(delimiter=',')"),
        ({"token_type": "phn"}, "PhonemeTokenizer(g2p_type=None, space_symbol='<space>')"),
    ],
)
def test_build(options, shown):
    assert repr(build_tokenizer(**options)) == shown


def test_build_passes_options_on():
    tokenizer = build_tokenizer("char", **REMOVED, nonsplit_symbol=["ab:c"])
    assert tokenizer.text2tokens("<sil>xab") == ["x", "ab"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"token_type": "foo"},
            f"token_type: expected one of {KINDS}, found 'foo'",
        ),
        (
            {"token_type": None},
            f"token_type: expected one of {KINDS}, found None",
        ),
        ({"token_type": "bpe"}, "bpemodel: expected the file of a SentencePiece model for token_type bpe, found None"),
        (
            {"token_type": "bpe", "bpemodel": "m", "remove_non_linguistic_symbols": True},
            "remove_non_linguistic_symbols: expected False for token_type bpe, found True",
        ),
    ],
)
def test_build_mistakes(options, sentence):
    with pytest.raises(OptionError) as error:
        build_tokenizer(**options)
    assert str(error.value) == sentence


def test_load(caplog):
    assert load_tokenizer(None) is None
    assert caplog.messages == []
    assert load_tokenizer("bpe", config="a.yaml") is None
    assert caplog.messages == ["a.yaml: bpemodel: expected a file for token_type bpe, found none: results have no text"]
    assert repr(load_tokenizer("word")) == repr(build_tokenizer("word"))
    with pytest.raises(
        OptionError,
        match=f"token_type: expected one of {KINDS}, found 'foo'",
    ):
        load_tokenizer("foo")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("foo", None),
            f"a.yaml: token_type: expected one of {KINDS}, found 'foo'",
        ),
        (
            ("bpe", "/none.model"),
            "a.yaml: /none.model: expected a SentencePiece model, found No such file or directory",
        ),
    ],
)
def test_mistakes_of_a_config_name_it(options, sentence):
    with pytest.raises(ConfigError) as error:
        load_tokenizer(*options, "a.yaml")
    assert str(error.value) == sentence
