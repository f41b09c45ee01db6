"""Commands that translate texts, on PyTorch and on a bundle of the same model."""

import io

import pytest
import torch
import zoo_mt
from zoo_calls import module_for
from zoo_data import Config, Row

import espnet2.runtime
from espnet2.bin import asr_inference_onnx, mt_inference, mt_inference_onnx
from espnet2.export.make_bundle import make_bundle
from espnet2.interface.errors import BundleError, DataError, OptionError

KEYS = {**zoo_mt.DECODED["mt-units"].keys, "cleaner": None}
LIMIT = ["--maxlenratio", "-6", "--beam_size", "3"]
LINES = ["ab cd", "h", "e?f"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Configuration and weights, a bundle, and a list of texts."""
    directory = tmp_path_factory.mktemp("mt")
    model = module_for(Row("mt", "", Config(zoo_mt.TASK, KEYS), (), ()), directory)
    torch.save(model.state_dict(), directory / "model.pth")
    make_bundle(directory / "bundle", LINES[:1], **of_model(directory))
    (directory / "src").write_text("".join(f"t{number} {line}\n" for number, line in enumerate(LINES)))
    return directory


def of_model(directory):
    return {"mt_train_config": directory / "config.yaml", "mt_model_file": directory / "model.pth"}


def words(options):
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def lines(path):
    return dict(line.partition(" ")[::2] for line in path.read_text().splitlines())


def test_commands_write_the_same_tables(files, tmp_path, caplog):
    data = [*LIMIT, "--data_path_and_name_and_type", f"{files / 'src'},src_text,text"]
    assert mt_inference.main([*data, *words(of_model(files)), "--output_dir", str(tmp_path / "pytorch")]) == 0
    assert mt_inference_onnx.main([*data, "--bundle", str(files / "bundle"), "--output_dir", str(tmp_path / "o")]) == 0
    for name in ("text", "token", "token_int"):
        tables = [lines(tmp_path / kind / "1best_recog" / name) for kind in ("pytorch", "o")]
        assert tables[0] == tables[1]
        assert list(tables[0]) == ["t0", "t1", "t2"]


def test_texts_of_the_command_line_and_of_standard_input(files, capsys, monkeypatch):
    bundle = [*LIMIT, "--bundle", str(files / "bundle")]
    assert mt_inference_onnx.main([*bundle, *LINES[:2]]) == 0
    printed = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in LINES[:2])))
    assert mt_inference_onnx.main([*bundle, "--batch_size", "2", "-"]) == 0
    assert capsys.readouterr().out == printed
    assert len(printed.splitlines()) == 2


def test_calls_take_texts_and_ids(files):
    translate = espnet2.runtime.Text2Text(files / "bundle", maxlenratio=-6, beam_size=3, num_threads=1)
    ids = [zoo_mt.SOURCE.index(token) for token in ("a", "b", "<space>", "c", "d")]
    text, tokens, token_ids, hypothesis = translate("ab cd")[0]
    for given in (ids, torch.tensor(ids)):
        (found,) = translate(given)
        assert found[:3] == (text, tokens, token_ids)
    assert [nbest[0].text for nbest in translate(["ab cd", ids])] == [text, text]
    assert hypothesis.yseq[0] == len(zoo_mt.TARGET) - 1
    assert [type(one) for one in (text, tokens, token_ids)] == [str, list, list]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "src_text: expected a text with at least one token, found ''"),
        ([2, 99], "src_text: expected token ids from 0 to 11, found 2 to 99"),
        ([0.5], r"src_text: expected a text, or at least one token id \(U,\), found 0.5"),
        (
            torch.zeros(2, 2, dtype=torch.int64),
            r"src_text: expected a text, or at least one token id \(U,\), found ten",
        ),
    ],
)
def test_other_inputs_are_refused(files, given, sentence):
    translate = espnet2.runtime.Text2Text(files / "bundle", num_threads=1)
    with pytest.raises(DataError, match=sentence):
        translate(given)


def test_a_text_that_is_too_long_for_memory_is_refused(files):
    translate = espnet2.runtime.Text2Text(files / "bundle", num_threads=1, memory_limit=0.001)
    with pytest.raises(
        DataError, match=r"src_text: expected at most what 0.001 GB of memory are enough for, found 5000 "
    ):
        translate("a" * 5000)


def test_bundles_are_told_apart(files, capsys):
    with pytest.raises(BundleError, match="expected a bundle of speech recognition, found one of machine translation"):
        espnet2.runtime.Speech2Text(files / "bundle")
    assert asr_inference_onnx.main(["--bundle", str(files / "bundle"), "a.wav"]) == 2
    assert "found one of machine translation" in capsys.readouterr().err
    with pytest.raises(OptionError, match="beam: expected an option of machine translation, found an unknown name"):
        espnet2.runtime.Text2Text(files / "bundle", beam=3)
    with pytest.raises(OptionError, match="beam: expected an option of Text2Text, found an unknown name"):
        mt_inference.Text2Text(**of_model(files), beam=3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "expected texts or --data_path_and_name_and_type, found neither"),
        (["a", "--data_path_and_name_and_type", "x,src_text,text"], "found both"),
        (["--data_path_and_name_and_type", "x,text,text"], "expected one list PATH,src_text,text, found x,text,text"),
        (["a", "--quantize_mt_model", "true"], "--quantize_mt_model: expected False, since the bundle's graphs"),
    ],
)
def test_bad_options_are_one_sentence(files, options, sentence, capsys):
    assert mt_inference_onnx.main(["--bundle", str(files / "bundle"), *options]) == 2
    assert sentence in capsys.readouterr().err
