"""Recognisers that are one graph, from strangers: each is opened, or refused in one sentence."""

import json
import os

import numpy as np
import pytest

from espnet2.interface.errors import AudioError, BundleError, GraphError, OptionError
from espnet2.interface.spec import Component, Tensor
from espnet2.runtime import OneGraphRecognizer

onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.usefixtures("within_bounds")

GRAPH = """
recognizer (float[batch, samples] speech, int64[batch] speech_lengths, int64[1] nbest)
    => (int64[batch, count, tokens] token_ids, int64[batch, count] token_lengths, float[batch, count] scores)
    <int64[3] shape = {1, 1, -1}, int64[2] two = {1, 1}> {
    whole = Cast<to = 7>(speech)
    token_ids = Reshape(whole, shape)
    token_lengths = Reshape(speech_lengths, two)
    score = Cast<to = 1>(nbest)
    scores = Reshape(score, two)
}
"""
COMPONENT = Component(
    name="recognizer",
    method="recognize",
    inputs=(
        Tensor("speech", ("batch", "samples")),
        Tensor("speech_lengths", ("batch",), "int64", "samples"),
        Tensor("nbest", (1,), "int64"),
    ),
    outputs=(
        Tensor("token_ids", ("batch", "count", "tokens"), "int64"),
        Tensor("token_lengths", ("batch", "count"), "int64"),
        Tensor("scores", ("batch", "count")),
    ),
    data_dependent=("count", "tokens"),
)
METADATA = {
    "interface": json.dumps(COMPONENT.to_dict()),
    "options": '{"nbest": 1}',
    "sample_rate": "8000",
    "tokens": '["a", "b"]',
}


def write(path, **changes):
    model = onnx.helper.make_model(onnx.parser.parse_graph(GRAPH), opset_imports=[onnx.helper.make_opsetid("", 20)])
    model.ir_version = 10
    found = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    onnx.helper.set_model_props(model, found)
    onnx.save(model, path)
    return path


def test_a_graph_is_opened(tmp_path):
    recognize = OneGraphRecognizer(write(tmp_path / "r.onnx"))
    assert recognize(np.array([0.0, 1.0, 1.0], np.float32))[0][:2] == ("abb", [0, 1, 1])


HOSTILE = {
    "no interface": ({"interface": None}, "found other metadata: "),
    "another interface": ({"interface": "[[[]]]"}, "found other metadata: "),
    "deep": ({"interface": "[" * 100_000}, "found other metadata: "),
    "no options": ({"options": "3"}, "options: expected values of nbest, found 3"),
    "other options": ({"options": '{"beam": 1}'}, "options: expected values of nbest, found {'beam': 1}"),
    "a text": (
        {"options": json.dumps({"nbest": "x" * 60_000})},
        "options: expected finite numbers, found {'nbest': 'x",
    ),
    "infinity": ({"options": '{"nbest": 1e999}'}, "options: expected finite numbers, found {'nbest': inf}"),
    "a rate": ({"sample_rate": "1" + "0" * 30}, "sample_rate: expected a rate of at most 1000000 Hz"),
    "a long rate": ({"sample_rate": "1" * 6000}, "found other metadata: "),
    "tokens": ({"tokens": '{"\\u001b[2J": 1}'}, "tokens: expected a list of strings, found {'\\x1b[2J': 1}"),
    "outputs": (
        {"interface": json.dumps(COMPONENT.to_dict()).replace("scores", "other")},
        "interface: expected speech, lengths, and outputs token_ids, token_lengths, scores",
    ),
    "a type": ({"interface": json.dumps(COMPONENT.to_dict()).replace('"int64"', '"float32"', 1)}, "expected inputs"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_metadata(tmp_path, name):
    changes, sentence = HOSTILE[name]
    path = write(tmp_path / "r.onnx", **changes)
    with pytest.raises(BundleError) as error:
        OneGraphRecognizer(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ") and sentence in text and len(text) <= 400 and "\x1b" not in text


@pytest.mark.skipif(os.name == "nt", reason="devices and pipes of Unix")
def test_files_that_are_none(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("onnx")
    for path in ("/dev/zero", tmp_path / "pipe", tmp_path / "text", tmp_path):
        with pytest.raises(BundleError, match="expected a"):
            OneGraphRecognizer(path)


@pytest.mark.parametrize("value", ["3", None, float("nan"), [1], 10**400])
def test_options(tmp_path, value):
    with pytest.raises(OptionError, match="nbest: expected a finite number, or True or False, found "):
        OneGraphRecognizer(write(tmp_path / "r.onnx"), nbest=value)


def test_results_that_do_not_fit(tmp_path):
    recognize = OneGraphRecognizer(write(tmp_path / "r.onnx"))
    with pytest.raises(BundleError, match="tokens: expected token ids below 2 of the graph, found 0 to 5"):
        recognize(np.array([0.0, 5.0], np.float32))
    with pytest.raises(GraphError, match="expected what the graph can compute, found: "):
        recognize.batch([np.zeros(2, np.float32)] * 2)
    with pytest.raises(AudioError, match="speech: expected a numpy array, found str"):
        recognize("speech")
    with pytest.raises(OptionError, match="nbest: expected a number of int64, found 1000000000000000000000"):
        OneGraphRecognizer(tmp_path / "r.onnx", nbest=10**21)(np.zeros(2, np.float32))
