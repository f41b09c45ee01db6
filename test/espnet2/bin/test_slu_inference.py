"""Commands and classes of understanding, on PyTorch and on a bundle that is made of the same model."""

import numpy as np
import pytest
import soundfile
import torch
import zoo_slu
from zoo_calls import module_for
from zoo_data import Config, Row, drawn

import espnet2.runtime
from espnet2.bin import slu_inference, slu_inference_onnx
from espnet2.export.make_bundle import make_bundle
from espnet2.runtime.slu import SLUSpeech2Text

_TINY = {"output_size": 8, "attention_heads": 2, "linear_units": 8, "num_blocks": 1}
KEYS = {
    **zoo_slu.DELIBERATION,
    "encoder_conf": _TINY,
    "postencoder": None,
    "postencoder_conf": {},
    "postdecoder_conf": {"model_name_or_path": zoo_slu.BERT, "output_size": 8},
    "deliberationencoder": None,
    "deliberationencoder_conf": {},
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "model_conf": {"ctc_weight": 1.0},
}
SPEECH = (0.1 * drawn("slu", (5_000,))).astype(np.float32)
TEXTS = {"a": "play a b", "b": "g", "c": ""}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Configuration and weights, a bundle, recordings and their transcripts."""
    directory = tmp_path_factory.mktemp("slu")
    model = module_for(Row("slu", "", Config(zoo_slu.TASK, KEYS), (), ()), directory)
    torch.save(model.state_dict(), directory / "model.pth")
    make_bundle(directory / "bundle", **of_model(directory))
    soundfile.write(directory / "speech.wav", SPEECH, 16000, subtype="FLOAT")
    (directory / "wav.scp").write_text("".join(f"{name} {directory / 'speech.wav'}\n" for name in TEXTS))
    (directory / "transcript").write_text("".join(f"{name} {text}\n" for name, text in TEXTS.items()))
    return directory


def of_model(directory):
    return {"slu_train_config": directory / "config.yaml", "slu_model_file": directory / "model.pth"}


def test_a_bundle_gives_the_results_of_its_model(files):
    theirs = slu_inference.Speech2Understand(**of_model(files), beam_size=3, nbest=3)
    ours = espnet2.runtime.Speech2Text(files / "bundle", beam_size=3, nbest=3, num_threads=1)
    assert type(ours) is SLUSpeech2Text
    for transcript in ("play a b", [2, 3]):
        expected, found = theirs(SPEECH, transcript), ours(SPEECH, transcript)
        assert [one[:3] for one in found] == [one[:3] for one in expected]
        scores = [[float(one.hypothesis.score) for one in results] for results in (expected, found)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def lines(path):
    return dict(line.partition(" ")[::2] for line in path.read_text().splitlines())


def test_each_recording_of_a_list_has_its_transcript(files, tmp_path, capsys):
    data = ["--data_path_and_name_and_type", f"{files / 'wav.scp'},speech,sound", "--beam_size", "2"]
    both = [*data, "--data_path_and_name_and_type", f"{files / 'transcript'},transcript,text"]
    model = [word for name, path in of_model(files).items() for word in (f"--{name}", str(path))]
    assert slu_inference.main([*both, "--output_dir", str(tmp_path / "pytorch"), *model]) == 1
    bundle = ["--bundle", str(files / "bundle")]
    assert slu_inference_onnx.main([*both, "--output_dir", str(tmp_path / "bundle"), *bundle]) == 1
    for name in ("text", "token", "token_int"):
        tables = [lines(tmp_path / kind / "1best_recog" / name) for kind in ("pytorch", "bundle")]
        assert tables[0] == tables[1]
        assert set(tables[0]) == {"a", "b"}
    sentence = (tmp_path / "bundle/failures").read_text()
    assert sentence.endswith("transcript: c: transcript: expected at least one word, found ''\n")
    assert slu_inference_onnx.main([*data, *bundle]) == 2
    assert "transcript: expected the transcript of the recording, which the model reads" in capsys.readouterr().err
    assert slu_inference_onnx.main([*bundle, "--transcript", "play", str(files / "speech.wav")]) == 0
