"""Streaming bundles of stand-alone transducers, whose chunks are chosen at export."""

from pathlib import Path

import numpy as np
import pytest
import torch
import zoo_calls
from zoo_data import Config, Row
from zoo_rows import SAMPLES, SPEECH
from zoo_transducer_model import BRANCHFORMER, CONFORMER, E_BRANCHFORMER, INPUT, TASK, WHOLE

from espnet2.bin import export_onnx, verify_onnx
from espnet2.inference.trained import load_trained
from espnet2.runtime import Speech2TextStreaming
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.options import DecodeOptions

CHUNKS = {"chunk_size": 3, "left_context": 5, "right_context": 1}
ENCODER = {
    "body_conf": [CONFORMER, BRANCHFORMER, E_BRANCHFORMER],
    "input_conf": INPUT,
    "main_conf": {"dynamic_chunk_training": True},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("standalone")
    keys = {**WHOLE, "token_type": "char", "normalize": None, "encoder_conf": ENCODER}
    module = zoo_calls.module_for(Row("streams", "encode", Config(TASK, keys), SPEECH, SAMPLES), directory)
    module.joint_network.lin_out.weight.data *= 2.0
    torch.save(module.state_dict(), directory / "model.pth")
    return directory / "model.pth"


@pytest.fixture(scope="module")
def bundle(weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "bundle"
    chunks = [word for name, number in CHUNKS.items() for word in (f"--{name}", str(number))]
    given = ["--asr_model_file", str(weights), "--output_dir", str(path), "--streaming", "true", *chunks]
    assert export_onnx.main(given) == 0
    return path


def test_chunks_are_those_that_were_chosen(bundle, weights):
    manifest = Bundle.load(bundle).manifest
    assert [manifest.section.streaming[name] for name in ("block_size", "hop_size", "look_ahead")] == [4, 3, 1]
    assert CHUNKS.items() <= manifest.provenance.items()
    assert verify_onnx.main(["--bundle", str(bundle), "--asr_model_file", str(weights)]) == 0


@pytest.mark.parametrize("conf", [{"search_type": "default"}, {"search_type": "tsd"}, {"search_type": "maes"}], ids=str)
def test_a_bundle_equals_pytorch(bundle, weights, conf):
    speech = 0.1 * np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    options = DecodeOptions(beam_size=4, nbest=3, transducer_conf=conf)
    expected = load_trained(asr_model_file=weights, streaming=True, chunks=CHUNKS).run(options)(speech)
    recognise = Speech2TextStreaming(bundle, beam_size=4, nbest=3, transducer_conf=conf)
    for start in range(0, len(speech), 999):
        found = recognise(speech[start : start + 999], start + 999 >= len(speech))
    assert [result.token_int for result in found] == [result.token_int for result in expected]
    scores = [[result.hypothesis.score for result in results] for results in (found, expected)]
    np.testing.assert_allclose(*scores, atol=1e-3)


def test_chunks_of_other_encoders_are_refused(demo_dir, tmp_path, capsys):
    given = ["--asr_model_file", str(demo_dir / "exp" / "asr" / "valid.acc.ave.pth"), "--chunk_size", "4"]
    assert export_onnx.main([*given, "--streaming", "true", "--output_dir", str(tmp_path / "bundle")]) == 2
    assert "chunk_size: expected none, since ConformerEncoder takes no other, found 4" in capsys.readouterr().err
