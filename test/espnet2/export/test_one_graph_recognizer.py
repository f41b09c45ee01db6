"""The demo model as one graph."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from espnet2.bin.export_onnx import main
from espnet2.export.decoding_table import pieces_of
from espnet2.export.one_graph_recognizer import LABELS, _Found
from espnet2.export.one_graph_recognizer import OneGraphRecognizer as Module
from espnet2.export.quantize import quantize_int8
from espnet2.fileio.audio import read_audio
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import BundleError, OptionError
from espnet2.runtime import OneGraphRecognizer
from espnet2.text.build_tokenizer import build_tokenizer

RATE = 16000
BASE = {"ctc_weight": 0.3, "nbest": 5}


@pytest.fixture(scope="module")
def references(demo_dir) -> list[dict]:
    rows = [json.loads(line) for line in (demo_dir / "refs.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{**row, "speech": read_audio(demo_dir / row["file"], RATE)} for row in rows]


@pytest.mark.parametrize(("setting", "lm_weight"), [("no_lm", 0.0), ("lm", 0.5)])
def test_the_graph_recognizes_as_upstream_one_by_one_and_in_a_batch(one_graph, references, setting, lm_weight):
    recognize = OneGraphRecognizer(one_graph, **BASE, lm_weight=lm_weight)
    together = recognize.batch([row["speech"] for row in references])
    for row, batched in zip(references, together, strict=True):
        expected = row[setting]["nbest"]
        for found in (recognize(row["speech"]), batched):
            assert [result.token_int for result in found] == [hypothesis["token_int"] for hypothesis in expected]
            assert [result.text for result in found] == [hypothesis["text"] for hypothesis in expected]
            scores = [hypothesis["score"] for hypothesis in expected]
            assert [result.score for result in found] == pytest.approx(scores, abs=1e-3)


def test_speech_that_cannot_be_recognized_has_a_status_and_no_text(one_graph, references):
    recognize = OneGraphRecognizer(one_graph, lm_weight=0.0)
    speech = references[0]["speech"]
    broken = speech.copy()
    broken[1000] = np.nan
    batch = [np.zeros(0, np.float32), speech, broken, speech[:100], np.full(3000, np.inf, np.float32)]
    assert recognize.run(batch)["status"].tolist() == [1, 0, 2, 1, 2]
    assert [len(found) for found in recognize.batch(batch)] == [0, 1, 0, 0, 0]
    assert recognize.batch(batch)[1][0].token_int == recognize(speech)[0].token_int
    assert recognize(np.zeros(0, np.float32)) == []


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


SMALL = ("MatMulInteger", "DynamicQuantizeLSTM")


def _small_products(path: Path) -> int:
    return sum(node.op_type in SMALL for graph in _graphs(onnx.load(path).graph) for node in graph.node)


def test_int8_has_the_layers_of_the_split_graphs(one_graph, demo_bundle, references, tmp_path):
    split = [path for path in demo_bundle.glob("*.onnx") if ".int8" not in path.name]
    small = [quantize_int8(path, tmp_path / path.name) for path in split]
    whole = quantize_int8(one_graph / "recognizer.onnx", tmp_path / "recognizer.int8.onnx", parts=split)
    assert _small_products(whole) == sum(map(_small_products, filter(None, small))) > 40
    assert whole.stat().st_size < 0.6 * (one_graph / "recognizer.onnx").stat().st_size
    recognize = OneGraphRecognizer(tmp_path, quantized=True, **BASE, lm_weight=0.0)
    texts = [results[0].text for results in recognize.batch([row["speech"] for row in references])]
    assert texts == [row["no_lm"]["nbest"][0]["text"] for row in references]


def test_weights_are_in_the_file_once_and_operators_are_those_of_onnx(one_graph):
    model = onnx.load(one_graph / "recognizer.onnx")
    weights = [value for graph in _graphs(model.graph) for value in graph.initializer if "." in value.name]
    contents = [array.tobytes() for array in map(onnx.numpy_helper.to_array, weights) if len(set(array.flat)) > 10]
    assert len(contents) > 100
    assert len(set(contents)) == len(contents)
    assert [opset.domain for opset in model.opset_import] == [""]
    assert not model.functions
    lines = (one_graph / "tokens.txt").read_text(encoding="utf-8").splitlines()
    pieces = json.loads(next(item.value for item in model.metadata_props if item.key == "tokens"))
    assert lines == [f"{piece} {index}" for index, piece in enumerate(pieces)]


def test_files_and_options_that_do_not_fit_are_told(one_graph, demo_dir, tmp_path, capsys):
    with pytest.raises(OptionError, match="beam_size: expected some of ctc_weight, lm_weight, penalty"):
        OneGraphRecognizer(one_graph, beam_size=3)
    with pytest.raises(BundleError, match=r"nowhere.onnx: expected a recogniser that is one graph"):
        OneGraphRecognizer(tmp_path / "nowhere.onnx")
    asr = demo_dir / "exp" / "asr"
    trained = load_trained(asr_model_file=asr / "valid.acc.ave.pth")
    with pytest.raises(OptionError, match="expected a search of label_synchronous, ctc_beam, ctc_greedy for this"):
        Module(trained.parts, trained.section, "transducer_greedy")
    command = ["--asr_model_file", str(asr / "valid.acc.ave.pth"), "--output_dir", str(tmp_path / "out")]
    for options, message in (
        (["--one_graph_beam_size", "4"], "--one_graph_beam_size: expected --one_graph true with it"),
        (["--one_graph", "true", "--one_graph_beam_size", "0"], "expected a number from 1 to 1000, found 0"),
        (["--one_graph", "true", "--one_graph_search", "transducer_greedy"], "--one_graph: expected a search of"),
    ):
        assert main([*command, *options]) == 2
        assert message in capsys.readouterr().err


def test_blanks_of_attention_decoders_are_left_out():
    text = torch.tensor([[[0, 3, 0, 4, 9], [5, 6, 0, 0, 0]]])
    found = _Found(text, torch.tensor([[4, 2]]), torch.zeros(1, 2))
    kept = Module._without_blanks(SimpleNamespace(kind=LABELS, blank=0), found)
    assert kept.length.tolist() == [[2, 2]]
    assert [row[:2] for row in kept.text[0].tolist()] == [[3, 4], [5, 6]]


def _tokenizer(token_type: str, demo_dir: Path):
    model = demo_dir / "exp" / "asr" / "bpe.model" if token_type == "bpe" else None
    return build_tokenizer(token_type, bpemodel=model)


@pytest.mark.parametrize(
    ("token_type", "tokens"),
    [
        ("bpe", ["<blank>", "<unk>", "\u2581two", "s", "even", "\u2581", "o"]),
        ("char", ["<blank>", "a", "<space>", "b"]),
        ("word", ["one", "two"]),
    ],
)
def test_pieces_join_to_the_text_of_the_tokenizer(token_type, tokens, demo_dir):
    tokenizer, pieces = _tokenizer(token_type, demo_dir), pieces_of(tokens, token_type)
    rng = np.random.default_rng(0)
    for _ in range(50):
        ids = rng.integers(1, len(tokens), rng.integers(0, 6))
        found = "".join(pieces[index] for index in ids).replace("\u2581", " ").strip()
        assert found.split() == tokenizer.tokens2text([tokens[index] for index in ids]).split()
    assert pieces_of(tokens, "whisper_en") is None
