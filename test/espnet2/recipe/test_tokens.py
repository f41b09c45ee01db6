"""Token lists and sentencepiece models."""

import pytest

from espnet2.bin.recipe import main as recipe
from espnet2.bin.tokenize_text import main as tokenize
from espnet2.interface.errors import DataError, OptionError
from espnet2.recipe.bpe import _pieces, train_bpe
from espnet2.recipe.texts import merge_texts
from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.text.token_id_converter import TokenIDConverter

TEXT = "u1 one two two\nu2 three one\nu3 zwei  <noise> two\n"
SYMBOLS = ["--add_symbol", "<blank>:0", "--add_symbol", "<unk>:1", "--add_symbol", "<sos/eos>:-1"]


# What upstream ESPnet 202511 prints for these options.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--token_type word", "one two two|three one|zwei <noise> two"),
        ("--token_type char", "o n e <space> t w o <space> t w o|t h r e e <space> o n e|"),
        ("--token_type word --write_vocabulary true", "<blank>|<unk>|two|one|three|zwei|<noise>|<sos/eos>"),
        ("--token_type word --write_vocabulary true --cutoff 1", "<blank>|<unk>|two|one|<sos/eos>"),
        ("--token_type word --write_vocabulary true --vocabulary_size 5", "<blank>|<unk>|two|one|<sos/eos>"),
        ("--token_type word --field 2-3", "one two|three one|zwei <noise>"),
        ("--token_type word --field -2", "u1 one|u2 three|u3 zwei"),
    ],
)
def test_texts_are_tokenized_as_upstream_does(tmp_path, options, expected):
    (tmp_path / "text").write_text(TEXT)
    words = options.split()
    field = [] if "--field" in words else ["--field", "2-"]
    symbols = SYMBOLS if "--write_vocabulary" in words else []
    command = ["--input", str(tmp_path / "text"), "--output", str(tmp_path / "out"), *words, *field, *symbols]
    assert tokenize(command) == 0
    assert "|".join((tmp_path / "out").read_text().splitlines()).startswith(expected)


def test_whole_symbols_are_listed_once(tmp_path):
    (tmp_path / "text").write_text(TEXT)
    options = ["--field", "2-", "--write_vocabulary", "true", "--add_nonsplit_symbol", "<noise>:2"]
    assert tokenize(["-i", str(tmp_path / "text"), "-o", str(tmp_path / "out"), *options]) == 0
    tokens = (tmp_path / "out").read_text().splitlines()
    assert tokens[:4] == ["o", "e", "<noise>", "<space>"] and tokens.count("<noise>") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--field", "1,3"], "--field: expected columns as 2-, 2-5, -5 or 2, found '1,3'"),
        (["--add_symbol", "<blank>"], "--add_symbol: expected SYMBOL:PLACE as '<blank>:0', found '<blank>'"),
        (["--token_type", "phoneme"], "token_type: expected one of bpe, char, word, phn, "),
        (["--input", "none"], "none: expected a text file in UTF-8, found No such file or directory"),
        (
            ["--write_vocabulary", "true", "--vocabulary_size", "1", *SYMBOLS],
            "--vocabulary_size: expected at least the 3 symbols, found 1",
        ),
    ],
)
def test_wrong_options_are_named_and_nothing_is_written(tmp_path, capsys, options, message):
    (tmp_path / "text").write_text(TEXT)
    assert tokenize(["--input", str(tmp_path / "text"), "--output", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("one two three\nfour five six\nseven eight nine zero\n" * 5)
    return path


@pytest.mark.parametrize("mode", ["unigram", "bpe"])
def test_pieces_are_the_tokens(tmp_path, sentences, mode):
    options = "{max_sentencepiece_length: 4, normalization_rule_name: identity}"
    target = tmp_path / "tokens"
    command = ["bpe", "--input", str(sentences), "--output_dir", str(target), "--nbpe", "24", "--bpemode", mode]
    assert recipe([*command, "--options", options]) == 0
    tokens = TokenIDConverter(target / "tokens.txt").token_list
    assert tokens[:2] == ["<blank>", "<unk>"] and tokens[-1] == "<sos/eos>" and len(tokens) == 24
    pieces = build_tokenizer("bpe", target / "bpe.model").text2tokens("seven eight")
    assert set(pieces) <= set(tokens) and max(map(len, pieces)) <= 4
    assert sorted(path.name for path in target.iterdir()) == ["bpe.model", "bpe.vocab", "tokens.txt"]


def test_symbols_are_one_piece(tmp_path, sentences):
    tokens = train_bpe(sentences, tmp_path / "tokens", 24, user_defined_symbols=["<noise>"])
    assert "<noise>" in tokens


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nbpe": 3000}, r"nbpe: expected at most \d+ pieces for .*train.txt, found 3000"),
        ({"nbpe": 30, "bpemode": "wordpiece"}, "bpemode: expected one of unigram, bpe, char, word, found 'wordpiece'"),
        ({"nbpe": 30, "options": {"no_such_option": 1}}, "expected options that sentencepiece accepts"),
        ({"nbpe": 30, "options": {"input": 1}}, "options: expected none that this command sets itself"),
        ({"nbpe": 3}, "expected options that sentencepiece accepts"),
    ],
)
def test_models_that_cannot_be_trained_leave_nothing(tmp_path, sentences, options, message):
    with pytest.raises(OptionError, match=message):
        train_bpe(sentences, tmp_path / "tokens", **options)
    assert not [path for path in (tmp_path / "tokens").glob("*")]


def test_texts_are_joined(tmp_path):
    for name, lines in (("a", "u2 two\nu1\n"), ("b", "u3 three\n"), ("c", "u3 again\n"), ("d", "u9\n")):
        (tmp_path / name).write_text(lines)
    assert merge_texts([tmp_path / "a", tmp_path / "b"], tmp_path / "out") == 2
    assert (tmp_path / "out").read_text() == "u2 two\nu3 three\n"
    merge_texts([tmp_path / "a", tmp_path / "b"], tmp_path / "out", keep_keys=False)
    assert (tmp_path / "out").read_text() == "two\nthree\n"
    with pytest.raises(DataError, match=r"c, line 1: expected keys that no other text has, found 'u3' again"):
        merge_texts([tmp_path / "b", tmp_path / "c"], tmp_path / "out")
    with pytest.raises(DataError, match="d: expected lines with a text, found none"):
        merge_texts([tmp_path / "d"], tmp_path / "out")


def test_pieces_may_have_characters_that_end_lines_elsewhere(tmp_path):
    (tmp_path / "bpe.vocab").write_bytes("<unk>\t0\n<s>\t0\n</s>\t0\na\u2028b\t-1\nc\x85\t-2\n".encode())
    assert _pieces(tmp_path / "bpe.vocab") == ["a\u2028b", "c\x85"]
