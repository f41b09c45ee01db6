"""Commands and classes of models with prompts, on PyTorch and on a bundle that is made of the same model."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import zoo_s2t
from zoo_calls import module_for
from zoo_data import Config, Row, drawn

import espnet2.runtime
from espnet2.bin import (
    s2t_inference,
    s2t_inference_ctc_onnx,
    s2t_inference_language,
    s2t_inference_language_onnx,
    s2t_inference_onnx,
)
from espnet2.export import trace
from espnet2.export.make_bundle import make_bundle
from espnet2.interface.errors import BundleError, OptionError
from espnet2.runtime.s2t import S2TSpeech2Text

RECOGNISER = Path(__file__).parents[2] / "golden" / "format_1" / "recogniser"
KEYS = {
    **zoo_s2t.ROUND_TRIP["s2t"].keys,
    "encoder": "transformer",
    "encoder_conf": {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.0},
}
SPEECH = (0.1 * drawn("s2t", (13_000,))).astype(np.float32)  # 1.6 s
SHORT = SPEECH[: zoo_s2t.RATE]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Configuration and weights, a bundle whose weights are in files of their own, and recordings of them."""
    directory = tmp_path_factory.mktemp("s2t")
    model = module_for(Row("s2t", "", Config(zoo_s2t.TASK, KEYS), (), ()), directory)
    torch.save(model.state_dict(), directory / "model.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "EXTERNAL_DATA_BYTES", 2000)
        make_bundle(directory / "bundle", **of_model(directory))
    soundfile.write(directory / "a.wav", SHORT, zoo_s2t.RATE, subtype="FLOAT")
    soundfile.write(directory / "b.wav", SPEECH, zoo_s2t.RATE, subtype="FLOAT")
    (directory / "wav.scp").write_text("".join(f"{name} {directory / name}.wav\n" for name in "ab"))
    return directory


def of_model(directory):
    return {"s2t_train_config": directory / "config.yaml", "s2t_model_file": directory / "model.pth"}


@pytest.fixture(scope="module")
def recognisers(files):
    options = {"beam_size": 3, "maxlenratio": -8, "nbest": 3}
    theirs = s2t_inference.Speech2Text(**of_model(files), **options)
    ours = espnet2.runtime.Speech2Text(files / "bundle", **options, num_threads=1)
    return theirs, ours


def test_a_bundle_is_opened_by_its_task(files, recognisers):
    assert type(recognisers[1]) is S2TSpeech2Text
    assert type(espnet2.runtime.Speech2Text.from_pretrained(files / "bundle", lang_sym="<deu>")) is S2TSpeech2Text
    assert type(espnet2.runtime.Speech2Text(bundle=RECOGNISER)) is espnet2.runtime.Speech2Text
    with pytest.raises(OptionError, match="lang_sym: expected an option of recognition, found an unknown name"):
        espnet2.runtime.Speech2Text(RECOGNISER, lang_sym="<eng>")
    with pytest.raises(BundleError, match="expected a bundle of speech to text of many tasks, found one of"):
        S2TSpeech2Text(RECOGNISER)
    with pytest.raises(BundleError, match="absent"):
        espnet2.runtime.Speech2Text(files / "absent")


@pytest.mark.parametrize(
    "call",
    [{}, {"predict_time": True}, {"lang_sym": "<deu>", "task_sym": "<st_eng>", "text_prev": "ab c"}],
    ids=["plain", "times", "previous"],
)
def test_calls_give_the_same_results(recognisers, call):
    expected, found = (recognise(SHORT, **call) for recognise in recognisers)
    assert len(expected) == 3
    assert [one[:4] for one in found] == [one[:4] for one in expected]
    scores = [[float(one.hypothesis.score) for one in results] for results in (expected, found)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_weights_are_mapped_into_memory(files, recognisers):
    weights = {path.name for path in (files / "bundle").glob("*.onnx.data")}
    assert {"encoder.onnx.data", "decoder_step.onnx.data"} <= weights
    mapped = espnet2.runtime.Speech2Text(files / "bundle", mapped=True, beam_size=3, maxlenratio=-8, nbest=3)
    expected, found = recognisers[1](SHORT), mapped(SHORT)
    assert [one[:4] for one in found] == [one[:4] for one in expected]
    (files / "bundle" / "encoder.onnx.data").rename(files / "kept")
    try:
        with pytest.raises(BundleError, match=r"encoder\.onnx\.data"):
            espnet2.runtime.Speech2Text(files / "bundle")
    finally:
        (files / "kept").rename(files / "bundle" / "encoder.onnx.data")


def test_long_recordings_have_the_same_utterances(recognisers):
    expected, found = (recognise.decode_long(SPEECH) for recognise in recognisers)
    assert found == expected
    assert expected


def test_languages_are_the_same(files):
    theirs = s2t_inference_language.Speech2Language(**of_model(files), nbest=2)
    ours = espnet2.runtime.Speech2Language(files / "bundle", nbest=2)
    for (language, probability), (found, of_bundle) in zip(theirs(SHORT), ours(SHORT), strict=True):
        assert (language, probability) == (found, pytest.approx(of_bundle, abs=1e-5))


def lines(path):
    return dict(line.partition(" ")[::2] for line in path.read_text().splitlines())


def test_commands_write_the_same_tables(files, tmp_path, recognisers):
    data = ["--data_path_and_name_and_type", f"{files / 'wav.scp'},speech,sound", "--maxlenratio", "-8"]
    model = [word for name, path in of_model(files).items() for word in (f"--{name}", str(path))]
    pytorch = ["--output_dir", str(tmp_path / "pytorch"), *data, *model]
    assert s2t_inference.main([*pytorch, "--lang_sym", "<deu>"]) == 0
    bundle = ["--output_dir", str(tmp_path / "bundle"), *data, "--bundle", str(files / "bundle")]
    assert s2t_inference_onnx.main([*bundle, "--lang_sym", "<deu>"]) == 0
    for name in ("text", "token", "token_int", "text_nospecial"):
        tables = [lines(tmp_path / kind / "1best_recog" / name) for kind in ("pytorch", "bundle")]
        assert tables[0] == tables[1]
        assert set(tables[0]) == {"a", "b"}
    assert lines(tmp_path / "bundle/1best_recog/text")["a"].startswith("<deu><asr><notimestamps>")


def test_each_recording_has_its_previous_text(files, tmp_path, recognisers, capsys):
    (tmp_path / "text_prev").write_text("a ab c\nb <na>\n")
    (tmp_path / "part").write_text("a ab c\n")
    lists = ["--data_path_and_name_and_type", f"{files / 'wav.scp'},speech,sound", "--maxlenratio", "-8"]
    lists += ["--beam_size", "3", "--bundle", str(files / "bundle"), "--data_path_and_name_and_type"]
    out = ["--output_dir", str(tmp_path / "out")]
    assert s2t_inference_onnx.main([*lists, f"{tmp_path / 'text_prev'},text_prev,text", *out]) == 0
    found = lines(tmp_path / "out/1best_recog/text_nospecial")
    assert found["a"] == recognisers[1](SHORT, text_prev="ab c")[0].text_nospecial
    assert found["b"] == recognisers[1](SPEECH)[0].text_nospecial
    assert s2t_inference_onnx.main([*lists, f"{tmp_path / 'part'},text_prev,text", *out]) == 1
    assert (tmp_path / "out/failures").read_text().endswith("part: expected a line of b, found none\n")
    assert s2t_inference_onnx.main([*lists, f"{tmp_path / 'part'},text_prev,sound", *out]) == 2
    assert "expected one list PATH,text_prev,text, found " in capsys.readouterr().err


def test_commands_of_languages(files, tmp_path, capsys):
    bundle, recording = ["--bundle", str(files / "bundle"), "--nbest", "2"], str(files / "a.wav")
    assert s2t_inference_language_onnx.main([*bundle, recording]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    model = [word for name, path in of_model(files).items() for word in (f"--{name}", str(path))]
    assert s2t_inference_language.main([*model, "--nbest", "2", recording]) == 0
    assert capsys.readouterr().out.splitlines() == [line]
    assert s2t_inference_language_onnx.main([*bundle, recording, "--output_dir", str(tmp_path / "out")]) == 0
    text, score = (lines(tmp_path / "out/2best_recog" / name)["a"] for name in ("text", "score"))
    assert line.split("\t")[1] == f"{text} {float(score):.4f}"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--lang_sym", "<xyz>"], "lang_sym: expected one of <zul>, <abk>, <deu>, <eng>, found '<xyz>'"),
        (["--task_sym", "asr"], "task_sym: expected one of <asr>, <st_deu>, <st_eng>, found 'asr'"),
        (["--quantize_s2t_model", "true"], "--quantize_s2t_model: expected False, since the bundle's graphs"),
    ],
)
def test_bad_options_are_one_sentence(files, options, sentence, capsys):
    assert s2t_inference_onnx.main(["--bundle", str(files / "bundle"), str(files / "a.wav"), *options]) == 2
    assert sentence in capsys.readouterr().err


def test_commands_refuse_bundles_of_other_tasks(files, capsys):
    recording = str(files / "a.wav")
    assert s2t_inference_ctc_onnx.main(["--bundle", str(files / "bundle"), recording]) == 2
    sentence = "expected a bundle of speech to text of many tasks by CTC, found one of speech to text of many tasks\n"
    assert capsys.readouterr().err.endswith(sentence)
    assert s2t_inference_onnx.main(["--bundle", str(RECOGNISER), recording]) == 2
    assert (
        "expected a bundle of speech to text of many tasks, found one of speech recognition" in capsys.readouterr().err
    )
