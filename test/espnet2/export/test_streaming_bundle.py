"""Bundles for streams: what they hold, that they are checked against whole utterances, and what cannot become one."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from manifests import with_section

from espnet2.bin import export_onnx
from espnet2.export.benchmark import benchmark_bundle
from espnet2.export.make_bundle import make_bundle
from espnet2.export.verify_bundle import verify_bundle
from espnet2.inference.trained import load_trained
from espnet2.interface.errors import BundleError, VerificationError
from espnet2.runtime import Speech2TextStreaming
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.search_model import STREAMING

GRAPHS = {"encoder_step", "ctc", "decoder_start", "decoder_step"}


@pytest.fixture(scope="module")
def weights(stream_exp) -> dict:
    return {"asr_model_file": stream_exp / "valid.acc.ave.pth"}


def test_bundle_says_how_streams_are_fed(stream_bundle):
    manifest = Bundle.load(stream_bundle).manifest
    assert set(manifest.components) == GRAPHS
    assert set(manifest.section.streaming) == set(STREAMING)
    assert manifest.section.streaming["samples_per_step"] == 8 * 4 * 160
    assert manifest.section.streaming["frame_stride"] == 4 * 160
    assert set(manifest.verification["fp32"]) == GRAPHS | {"stream", "decode"}


def test_bundle_verifies_against_its_checkpoint(stream_bundle, weights):
    checks = verify_bundle(stream_bundle, **weights)
    assert {check.subject for check in checks} == GRAPHS | {"stream", "decode"}
    assert all(check.passed for check in checks)


def test_streams_have_one_stage(stream_bundle, weights):
    rows = benchmark_bundle(stream_bundle, [], 1, 1, {"beam_size": 2, "maxlenratio": -3.0}, weights)
    assert [(row.backend, [*row.stages]) for row in rows] == [("PyTorch", ["run"]), ("ONNX fp32", ["run"])]
    assert all(row.factor > 0 for row in rows)


@pytest.mark.parametrize(("name", "change"), [("lead", -160), ("least_steps", -1)])
def test_steps_that_give_other_frames_are_found(stream_bundle, weights, name, change):
    trained = load_trained(**weights, streaming=True)
    streaming = trained.section.streaming
    graphs = {"encoder_step": Bundle.load(stream_bundle).graph("encoder_step")}
    signals = trained.signals()
    check_streams = trained.task_class.further_checks
    assert all(check.passed for check in check_streams(trained, graphs, signals))
    wrong = dataclasses.replace(trained.section, streaming={**streaming, name: streaming[name] + change})
    changed = SimpleNamespace(section=wrong, model=trained.model, graphs=trained.graphs)
    signals = {"short": signals["generated signal"][:3000]}
    assert not all(check.passed for check in check_streams(changed, graphs, signals))


def test_another_way_of_feeding_does_not_verify(stream_bundle, weights, tmp_path):
    bundle = Bundle.load(stream_bundle)
    other = with_section(bundle.manifest, streaming={**bundle.section.streaming, "lead": 0})
    files = {file.name: file for file in stream_bundle.iterdir() if file.name != "bundle.yaml"}
    Bundle.write(tmp_path / "bundle", other, files)
    with pytest.raises(VerificationError, match=r"streaming: expected that of .*config\.yaml, found another"):
        verify_bundle(tmp_path / "bundle", **weights)


@pytest.mark.parametrize("streaming", [{"lead": 3}, {name: -1 for name in STREAMING}, [1]])
def test_manifest_is_checked(stream_bundle, streaming):
    manifest = Bundle.load(stream_bundle).manifest
    with pytest.raises(BundleError, match="streaming: expected nothing, or the numbers samples_per_step, lead"):
        with_section(manifest, streaming=streaming)


def test_streams_have_hotwords(stream_bundle):
    speech = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    found = {}
    for weight in (0.0, 40.0):
        stream = Speech2TextStreaming(
            stream_bundle, hotwords=["tea"], hotword_weight=weight, beam_size=3, maxlenratio=-6, num_threads=1
        )
        stream(speech[:8000], is_final=False)
        found[weight] = stream(speech[8000:])[0].text
    assert "tea" in found[40.0]
    assert "tea" not in found[0.0]


def test_encoders_of_whole_utterances_are_refused(demo_dir, tmp_path, capsys):
    given = ["--asr_model_file", str(demo_dir / "exp" / "asr" / "valid.acc.ave.pth")]
    assert export_onnx.main([*given, "--streaming", "true", "--output_dir", str(tmp_path / "bundle")]) == 2
    found = "found ConformerEncoder, which needs whole utterances"
    assert f"streaming: expected a model whose encoder takes blocks of a stream, {found}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_streams_have_8_bits_too(weights, tmp_path):
    bundle = make_bundle(tmp_path / "bundle", quantize="int8", streaming=True, **weights)
    assert set(bundle.manifest.quantized["int8"]) == {"encoder_step", "ctc", "decoder_start", "decoder_step"}
