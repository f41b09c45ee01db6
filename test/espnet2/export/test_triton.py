"""Model repositories of Triton: configurations by its own schema, and batches as its server makes them."""

from __future__ import annotations

import json
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from espnet2.bin.export_onnx import main
from espnet2.export.layouts.triton import BatchedRecognizer, configuration, lines
from espnet2.export.one_graph_recognizer import OneGraphRecognizer
from espnet2.fileio.audio import read_audio
from espnet2.inference.trained import load_trained
from espnet2.runtime import Speech2Text

KINDS = {"tensor(float)": "TYPE_FP32", "tensor(int64)": "TYPE_INT64", "tensor(bool)": "TYPE_BOOL"}


def message(rows):
    """A message of protobuf's text format: the values of each field, which may be messages."""
    found = {}
    for row in rows:
        name, _, value = row.strip().rstrip("{").partition(":")
        if name == "}":
            break
        given = value.strip()
        made = message(rows) if not given else given if given.startswith("TYPE_") else json.loads(given)
        found.setdefault(name.strip(), []).append(made)
    return found


def read_config(directory):
    """The configuration of a model, which Triton's client can read where it is installed, and its graph."""
    text = (directory / "config.pbtxt").read_text(encoding="utf-8")
    client = find_spec("tritonclient")
    if client is not None:
        from google.protobuf import text_format

        path = Path(client.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
        spec = spec_from_file_location("model_config_pb2", path)
        schema = module_from_spec(spec)
        spec.loader.exec_module(schema)
        text_format.Parse(text, schema.ModelConfig())
    return message(iter(text.splitlines())), onnxruntime.InferenceSession(str(directory / "1" / "model.onnx"))


def require_same(declared, found):
    """Check names, types and sizes behind the batch's of a configuration against those of the graph."""
    graph = {item.name: item for item in found}
    for tensor in declared:
        item = graph[tensor["name"][0]]
        assert tensor["data_type"] == [KINDS[item.type]]
        assert isinstance(item.shape[0], str)  # the batch, which Triton adds
        assert tensor["dims"] == [axis if isinstance(axis, int) else -1 for axis in item.shape[1:]]


def parameters(config):
    return {item["key"][0]: item["value"][0]["string_value"][0] for item in config["parameters"]}


def test_utterances_of_a_batch_have_their_own_options(demo_bundle, demo_dir):
    trained = load_trained(asr_model_file=demo_dir / "exp" / "asr" / "valid.acc.ave.pth")
    module = BatchedRecognizer(OneGraphRecognizer(trained.parts, trained.section, beam_size=3)).eval()
    speeches = [read_audio(path, 16000) for path in sorted((demo_dir / "recordings").glob("*.flac"))[:2]]
    options = json.loads(module.parameters_of_triton()["options"])
    own = [{**options, "ctc_weight": weight, "nbest": nbest} for weight, nbest in ((0.3, 1), (0.9, 3))]
    component = module.component()
    config = message(iter("".join(lines(configuration(component, module.parameters_of_triton()))).splitlines()))
    assert (config["backend"], config["max_batch_size"]) == (["onnxruntime"], [16])
    assert config["dynamic_batching"] == [{"max_queue_delay_microseconds": [5000]}]
    assert [tensor["dims"] for tensor in config["input"]] == [[-1], *[[1]] * (1 + len(options))]
    assert [tensor["dims"] for tensor in config["output"]] == [[-1, -1], [-1], [-1], [1]]
    lengths = torch.tensor([[len(speech)] for speech in speeches])
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(speech) for speech in speeches], batch_first=True)
    given = [torch.tensor([[one[t.name]] for one in own], dtype=getattr(torch, t.dtype)) for t in component.inputs[2:]]
    with torch.no_grad():
        results = module.recognize(padded, lengths, *given)
    found = {tensor.name: value.numpy() for tensor, value in zip(component.outputs, results, strict=True)}
    assert found["status"].tolist() == [[0], [0]]
    assert (found["scores"] > -np.inf).sum(axis=1).tolist() == [1, 3]
    for row, (speech, one) in enumerate(zip(speeches, own, strict=True)):
        reading = {name: one[name] for name in ("ctc_weight", "nbest", "maxlenratio", "penalty")}
        for rank, result in enumerate(Speech2Text(demo_bundle, beam_size=3, lm_weight=0.0, **reading)(speech)):
            tokens = found["token_ids"][row, rank, : found["token_lengths"][row, rank]]
            assert tokens.tolist() == result.token_int
            assert found["scores"][row, rank] == pytest.approx(result.hypothesis.score, abs=1e-3)


def test_states_of_streams_are_the_servers(stream_exp, tmp_path):
    files = ["--asr_model_file", str(stream_exp / "valid.acc.ave.pth"), "--output_dir", str(tmp_path / "repository")]
    assert main(["--layout", "triton", "--streaming", "true", *files]) == 0
    config, session = read_config(tmp_path / "repository" / "stream_encoder")
    (batching,) = config["sequence_batching"]
    assert batching["oldest"][0]["max_candidate_sequences"] == [256]
    require_same(config["input"], session.get_inputs())
    require_same(config["output"], session.get_outputs())
    names = [tensor["name"][0] for tensor in config["input"]] + [state["input_name"][0] for state in batching["state"]]
    assert names == [item.name for item in session.get_inputs()]
    results = [tensor["name"][0] for tensor in config["output"]] + [one["output_name"][0] for one in batching["state"]]
    assert results == [item.name for item in session.get_outputs()]
    states = [{**state, "name": state["input_name"]} for state in batching["state"]]
    require_same(states, session.get_inputs())
    require_same([{**state, "name": state["output_name"]} for state in states], session.get_outputs())
    assert all(state["initial_state"][0]["dims"] == state["dims"] and -1 not in state["dims"] for state in states)
    assert all(state["initial_state"][0]["zero_data"] == [True] for state in states)
    assert int(parameters(config)["samples_per_step"]) == config["input"][0]["dims"][1]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--quantize", "int8"], "--quantize: expected none beside --layout triton"),
        (["--lexicon_words", "a"], "--lexicon_words: expected none beside --layout triton"),
        (["--one_graph_search", "transducer_greedy"], "--layout triton: expected a search of"),
    ],
)
def test_refused_options(demo_dir, tmp_path, capsys, options, message):
    asr = demo_dir / "exp" / "asr" / "valid.acc.ave.pth"
    command = ["--layout", "triton", "--asr_model_file", str(asr), "--output_dir", str(tmp_path / "out")]
    assert main([*command, *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
