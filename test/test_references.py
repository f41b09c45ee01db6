"""Models that upstream trained decode real recordings to upstream's n-best lists, on PyTorch and on onnxruntime.

`tools/bench/reference_decodes.py` does the same over every utterance.
"""

import functools
import importlib.util
import json
from pathlib import Path

import pytest
import soundfile

from espnet2.bin.asr_inference import Speech2Text as TorchSpeech2Text
from espnet2.export.make_bundle import make_bundle
from espnet2.runtime import Speech2Text

EVERY = 20  # of 200 utterances
SCORE_TOLERANCE = 1e-3


@pytest.fixture(scope="session")
def tool(repo_dir: Path):
    spec = importlib.util.spec_from_file_location("reference_decodes", repo_dir / "tools/bench/reference_decodes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stream_directory(tmp_path_factory) -> Path:
    """Directory of streaming bundles."""
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="session")
def bundle_with(fixtures_dir: Path, tool, tmp_path_factory):
    """Makes the bundle of a model with a language model, once."""
    directory = tmp_path_factory.mktemp("bundles")

    @functools.cache
    def make(model: str, lm: str) -> Path:
        return make_bundle(directory / Path(model).name / lm, **tool.files(fixtures_dir, model, lm)).path

    return make


SETTINGS = [
    "ctc0.3",
    "ctc1.0",
    "ctc0.0",
    "ctc0.3_penalty1.0_minlen0.1",
    "ctc0.3_normlen",
    "timesync_ctc0.3",
    "ctc0.3_lm_transformer",
    "ctc0.3_lm_rnn",
]
STREAMING_SETTINGS = ["ctc0.3", "ctc1.0", "ctc0.0", "ctc0.3_lm_transformer", "ctc0.3_lm_rnn"]
STREAM_SETTINGS = ["onlinesim_ctc0.3", "stream4000_ctc0.3", "stream4000_ctc1.0", "stream10240_ctc0.3"]
TRANSDUCER_SETTINGS = ["greedy", "default", "tsd", "alsd", "nsc", "maes"]
CASES = [
    *(("models/asr_conformer", setting) for setting in SETTINGS),
    *(("models/asr_streaming", setting) for setting in STREAMING_SETTINGS),
    *(("models/asr_transducer", setting) for setting in TRANSDUCER_SETTINGS),
]


def compare(recognizer, utterances, cut_short=False) -> None:
    """`cut_short`: upstream's list had hypotheses more than once, so that less is known than was asked for."""
    for utterance in utterances:
        speech, _ = soundfile.read(utterance["speech"], dtype="float32")
        expected = utterance["nbest"]
        found = recognizer(speech)[: len(expected) if cut_short else None]
        assert [r.text for r in found] == [h["text"] for h in expected], utterance["utt"]
        assert [r.token_int for r in found] == [h["token_int"] for h in expected], utterance["utt"]
        scores = [float(r.hypothesis.score) for r in found]
        assert scores == pytest.approx([h["score"] for h in expected], abs=SCORE_TOLERANCE), utterance["utt"]


def utterances_of(tool, fixtures_dir: Path, model: str, setting: str):
    return list(tool.references(fixtures_dir, model, setting))[::EVERY]


@pytest.mark.parametrize(("model", "setting"), CASES)
def test_onnxruntime_decodes_as_upstream(tool, fixtures_dir, bundle_with, model, setting):
    lm, options = tool.SETTINGS[setting]
    # A weight of zero leaves a language model out, so that one bundle serves the settings that have none.
    weight = {} if lm else {"lm_weight": 0.0}
    recognizer = Speech2Text(bundle_with(model, lm or "lm_transformer"), num_threads=1, **{**options, **weight})
    compare(recognizer, utterances_of(tool, fixtures_dir, model, setting))


@pytest.mark.parametrize(("model", "setting"), CASES)
def test_pytorch_decodes_as_upstream(tool, fixtures_dir, model, setting):
    lm, options = tool.SETTINGS[setting]
    recognizer = TorchSpeech2Text(**tool.files(fixtures_dir, model, lm), **options)
    compare(recognizer, utterances_of(tool, fixtures_dir, model, setting))


@pytest.mark.parametrize("setting", STREAM_SETTINGS)
def test_streams_decode_as_upstream(tool, fixtures_dir, stream_directory, setting):
    lm, options = tool.SETTINGS[setting]
    recognizer = tool.onnxruntime(tool.files(fixtures_dir, tool.STREAMING, lm), options, stream_directory)
    compare(recognizer, utterances_of(tool, fixtures_dir, tool.STREAMING, setting), cut_short=True)


@pytest.mark.parametrize("setting, lm_weight", [("no_lm", 0.0), ("lm", 0.5)])
def test_demo_decodes_as_upstream(demo_dir, demo_bundle, setting, lm_weight):
    recognizer = Speech2Text(demo_bundle, beam_size=10, ctc_weight=0.3, lm_weight=lm_weight, nbest=5, num_threads=1)
    rows = [json.loads(line) for line in (demo_dir / "refs.jsonl").read_text(encoding="utf-8").splitlines()]
    compare(recognizer, ({**row, "nbest": row[setting]["nbest"], "speech": demo_dir / row["file"]} for row in rows))


@pytest.mark.parametrize("name", ["asr_conformer.zip"])
def test_packed_model_decodes_as_upstream(tool, fixtures_dir, tmp_path, monkeypatch, name):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    _, options = tool.SETTINGS["ctc0.3_lm_transformer"]
    recognizer = TorchSpeech2Text.from_pretrained(fixtures_dir / "models" / name, **options)
    compare(recognizer, utterances_of(tool, fixtures_dir, tool.CONFORMER, "ctc0.3_lm_transformer")[:2])
