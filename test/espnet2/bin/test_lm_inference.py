"""Texts that a language model goes on with: files of the command, and what is refused."""

import pytest
import script_cases

from espnet2.bin.lm_inference import GenerateText, inference, main
from espnet2.interface.errors import DataError, OptionError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lm")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        files = script_cases.write_language_model()
    return [str(directory / file) for file in files]


def test_a_file_of_texts(model, tmp_path):
    (tmp_path / "text").write_text("u1 abc\nu2 a b\n")
    (tmp_path / "keys").write_text("u2\n")
    files = ["--lm_train_config", model[0], "--lm_file", model[1], "--num_workers", "0"]
    files += ["--data_path_and_name_and_type", f"{tmp_path}/text,text,text", "--beam_size", "2"]
    assert main([*files, "--output_dir", str(tmp_path / "all"), "--nbest", "2", "--maxlen", "3"]) == 0
    best = tmp_path / "all" / "1best_recog"
    assert sorted(path.name for path in best.iterdir()) == ["score", "text", "token", "token_int"]
    results = GenerateText(*model, beam_size=2, maxlen=3, minlen=1)("abc")
    assert (best / "text").read_text().splitlines()[0] == f"u1 {results[0].text}"
    assert (best / "token_int").read_text().splitlines()[0] == f"u1 {' '.join(map(str, results[0].token_int))}"
    assert (best / "score").read_text().startswith("u1 tensor(")
    assert (tmp_path / "all" / "2best_recog" / "text").exists()
    inference(
        output_dir=tmp_path / "one", maxlen=3, beam_size=2, key_file=str(tmp_path / "keys"), num_workers=0,
        lm_train_config=model[0], lm_file=model[1], data_path_and_name_and_type=[(f"{tmp_path}/text", "text", "text")],
    )  # fmt: skip
    assert (tmp_path / "one" / "1best_recog" / "token").read_text().split()[0] == "u2"


def test_texts_are_read_by_the_tokens_that_are_named(model, tmp_path):
    """`a b` is three characters, and two words."""
    (tmp_path / "text").write_text("u1 a b\n")
    options = ["--lm_train_config", model[0], "--lm_file", model[1], "--num_workers", "0", "--token_type", "word"]
    options += ["--data_path_and_name_and_type", f"{tmp_path}/text,text,text", "--beam_size", "2", "--maxlen", "3"]
    assert main([*options, "--output_dir", str(tmp_path / "out")]) == 0
    expected = GenerateText(*model, token_type="word", beam_size=2, maxlen=3, minlen=1)("a b")[0].token
    assert (tmp_path / "out" / "1best_recog" / "token").read_text().split() == ["u1", *expected]
    other = GenerateText(*model, beam_size=2, maxlen=3, minlen=1)("a b")[0].token
    assert other != expected


def test_the_command_takes_no_random_weights(model, tmp_path, capsys):
    options = ["--output_dir", str(tmp_path), "--data_path_and_name_and_type", "text,text,text"]
    assert main(["--lm_train_config", model[0], *options]) == 2
    assert "lm_file: expected the weights of the language model, found none" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "message"), [
    ({"beam_size": 0}, "beam_size: expected an integer from 1 to 10000, found 0"),
    ({"nbest": 10**12}, "nbest: expected an integer from 1 to 10000, found 1000000000000"),
    ({"maxlen": 10**30}, "maxlen: expected an integer from 0 to 100000, found 1"),
    ({"minlen": -1}, "minlen: expected an integer from 0 to 100000, found -1"),
    ({"penalty": float("nan")}, "penalty: expected a finite number up to 1e\\+06, found nan"),
    ({"ngram_weight": 1e308}, "ngram_weight: expected a finite number up to 1e\\+06, found 1e\\+308"),
    ({"batch_size": 2}, "batch_size: expected 1, the only value known here, found 2"),
    ({"dtype": "float64"}, "dtype: expected 'float32', the only value known here, found 'float64'"),
    ({"token_type": "none"}, "token_type: expected"),
])  # fmt: skip
def test_options_that_are_refused(model, options, message):
    with pytest.raises(OptionError, match=message):
        GenerateText(*model, **options)


def test_quantised_layers_go_on_alike(model):
    plain, quantised = (
        GenerateText(*model, beam_size=1, maxlen=3, quantize_lm=value)("abc") for value in (False, True)
    )
    assert quantised[0].token_int == plain[0].token_int
    assert float(quantised[0].hypothesis.score) != float(plain[0].hypothesis.score)


def test_texts_that_are_too_short(model):
    with pytest.raises(DataError, match="text: expected two tokens or more, the first of which is not read, found 1"):
        GenerateText(*model)("a")
