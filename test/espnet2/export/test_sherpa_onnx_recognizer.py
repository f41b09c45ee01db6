"""A recogniser as sherpa-onnx reads it, against this package's texts."""

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from espnet2.bin.export_onnx import main
from espnet2.export.layouts.sherpa_onnx_recognizer import SherpaRecognizer, spelled
from espnet2.export.whole import recognizer_of
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.session import OnnxGraph

LENGTHS = (0, 100, 3000, 16001, 40000)


@pytest.fixture(scope="module")
def trained(trained_files):
    return load_trained(**trained_files)


@pytest.fixture(scope="module")
def layout(trained_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with greedy CTC."""
    path = tmp_path_factory.mktemp("sherpa") / "out"
    files = [f"--{name}={file}" for name, file in trained_files.items()]
    options = ["--layout", "sherpa_onnx", "--one_graph_search", "ctc_greedy", "--output_dir", str(path)]
    assert main([*files, *options]) == 0
    return path


def _signals() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(length)).astype(np.float32) for length in LENGTHS]


def test_sherpa_onnx_recognizes_the_same_text(layout, exported):
    sherpa = pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed")
    decoder = str(layout / "decoder.onnx")
    recognizer = sherpa.OfflineRecognizer.from_moonshine(
        preprocessor=str(layout / "preprocessor.onnx"),
        encoder=str(layout / "encoder.onnx"),
        uncached_decoder=decoder,
        cached_decoder=decoder,
        tokens=str(layout / "tokens.txt"),
    )
    recognize, texts = Speech2Text(exported, ctc_greedy=True), set()
    for samples in _signals()[2:]:
        stream = recognizer.create_stream()
        stream.accept_waveform(16000, samples)
        recognizer.decode_stream(stream)
        expected = recognize(samples)[0][0]
        assert stream.result.text.split() == expected.split()
        texts.add(expected)
    assert len(texts) > 1


def test_graphs_spell_nothing_for_what_cannot_be_recognized(layout, trained):
    module = SherpaRecognizer(recognizer_of(trained, "ctc_greedy"), {})
    graphs = {c.name: OnnxGraph(layout / f"{c.name}.onnx", c) for c in module.components()}
    empty, short, *others = _signals()
    broken = others[0].copy()
    broken[5] = np.nan
    assert [spelled(graphs, samples) for samples in (empty, short, broken)] == [[], [], []]
    assert spelled(graphs, others[0])
    assert sorted(path.name for path in layout.iterdir()) == [
        "decoder.onnx",
        "encoder.onnx",
        "preprocessor.onnx",
        "tokens.txt",
    ]
    lines = (layout / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert lines[2:6] == ["a 5", "b 6", "c 7", "\u2581 8"]


def test_models_that_sherpa_onnx_cannot_feed_are_told(trained, trained_files, tmp_path, capsys):
    one = recognizer_of(trained, "ctc_greedy")
    with pytest.raises(OptionError, match="lm_weight: expected some of no options of the search"):
        SherpaRecognizer(one, {"lm_weight": 0.5})
    slow = copy.copy(one)
    slow.section = dataclasses.replace(one.section, sample_rate=8000)
    with pytest.raises(OptionError, match=r"expected a recogniser of 16000 Hz, .* found 8000"):
        SherpaRecognizer(slow, {})
    command = [*(f"--{name}={file}" for name, file in trained_files.items()), f"--output_dir={tmp_path / 'out'}"]
    for options, message in (
        (["--layout=sherpa_onnx", "--layout_conf=nbest=2"], "--layout sherpa_onnx: nbest: expected some of ctc_weight"),
        (["--layout=sherpa_onnx", "--layout_conf=ctc_weigth=0.5"], "did you mean ctc_weight"),
        (["--layout=sherpa_onnx", "--lexicon_words=words"], "expected no words for a model of"),
        (["--layout_conf=ctc_weight=0.5"], "--layout_conf: expected none without --layout"),
        (["--layout_conf=ctc_weight=0.5", "--layout=triton"], "--layout_conf: expected none beside --layout triton"),
    ):
        assert main([*command, *options]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
