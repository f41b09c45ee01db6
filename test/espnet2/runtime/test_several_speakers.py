"""A recogniser of several speakers gives hypotheses for each, from PyTorch, from a bundle, and from command lines."""

import itertools
from pathlib import Path

import pytest
import soundfile

pytest.importorskip("torch")

import torch
import zoo
import zoo_calls
import zoo_data

from espnet2.bin import asr_inference, asr_inference_onnx
from espnet2.export.make_bundle import make_bundle
from espnet2.interface.errors import OptionError
from espnet2.runtime import Speech2Text

ROW = zoo.ROWS["model-pit"]
OPTIONS = {"beam_size": 4, "nbest": 2, "ctc_weight": 0.3, "maxlenratio": -5.0}
# Upstream's hypotheses, with `multi_asr`.
EXPECTED = [
    [("<unk>dcdc", [1, 5, 4, 5, 4], -8.8759), ("cdcdc", [4, 5, 4, 5, 4], -8.983)],
    [("bcfac", [3, 4, 7, 2, 4], -9.2826), ("bcfcf", [3, 4, 7, 4, 7], -9.4593)],
]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("pit")
    module = zoo_calls.module_for(
        zoo_data.Row(ROW.name, ROW.kind, _with_characters(), ROW.inputs, ROW.lengths, tied=ROW.tied), directory
    )
    torch.save(module.state_dict(), directory / "model.pth")
    return {"asr_train_config": directory / "config.yaml", "asr_model_file": directory / "model.pth"}


def _with_characters() -> zoo_data.Config:
    return zoo_data.Config(ROW.make.task, {**ROW.make.keys, "token_type": "char"})


@pytest.fixture(scope="module")
def bundle(files, tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "pit", **files).path


@pytest.fixture
def recording(tmp_path) -> Path:
    path = tmp_path / "both.wav"
    soundfile.write(path, zoo_data.utterance(ROW, 0)["speech"], 16000, subtype="FLOAT")
    return path


def _check(recognizer) -> None:
    found = recognizer(zoo_data.utterance(ROW, 0)["speech"])
    assert [[(r.text, r.token_int) for r in nbest] for nbest in found] == [
        [(text, token_int) for text, token_int, _ in nbest] for nbest in EXPECTED
    ]
    scores = [r.hypothesis.score for nbest in found for r in nbest]
    assert scores == pytest.approx([score for nbest in EXPECTED for *_, score in nbest], abs=1e-3)


def test_pytorch_equals_upstream(files):
    _check(asr_inference.Speech2Text(**files, **OPTIONS, multi_asr=True))


def test_onnxruntime_equals_upstream(bundle):
    _check(Speech2Text(bundle, **OPTIONS))


def test_utterances_in_one_batch(bundle):
    speech = zoo_data.utterance(ROW, 0)["speech"]
    recognizer = Speech2Text(bundle, **OPTIONS, batch_size=2)
    alone, cut = recognizer(speech), recognizer(speech[:1500])
    together = recognizer.batch([speech, speech[:1500]])
    assert [[[r.token_int for r in n] for n in u] for u in together] == [
        [[r.token_int for r in n] for n in u] for u in (alone, cut)
    ]


def test_each_speaker_has_times(bundle):
    recognizer = Speech2Text(bundle, **OPTIONS, timestamps="token")
    for nbest in recognizer(zoo_data.utterance(ROW, 0)["speech"]):
        times = recognizer.times(nbest[0])
        assert [timed.text for timed in times] == nbest[0].token
        assert all(before.end <= after.start for before, after in itertools.pairwise(times))


@pytest.mark.parametrize("command", ["pytorch", "onnxruntime"])
def test_command_lines(command, files, bundle, recording, tmp_path, capsys):
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    if command == "pytorch":
        options += [f"--{name}={path}" for name, path in files.items()]
    else:
        options += ["--bundle", str(bundle)]
    main = {"pytorch": asr_inference.main, "onnxruntime": asr_inference_onnx.main}[command]
    assert main([*options, "--multi_asr=true", "--output_dir", str(tmp_path / "out"), str(recording)]) == 0
    for rank in (1, 2):
        for speaker, nbest in enumerate(EXPECTED, 1):
            text = (tmp_path / "out" / f"{rank}best_recog" / f"text_spk{speaker}").read_text()
            assert text == f"both {nbest[rank - 1][0]}\n"
    assert main([*options, str(recording)]) == 0
    assert capsys.readouterr().out == "<unk>dcdc\tbcfac\n"


def test_a_model_of_one_speaker(demo_bundle):
    with pytest.raises(OptionError, match="does not separate speakers"):
        Speech2Text(demo_bundle, multi_asr=True)
