"""Utterances together on PyTorch: models that upstream trained give what they give one by one."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from espnet2.inference.asr_inference import Speech2Text

CASES = [
    ("asr_transducer", {"beam_size": 1}),
    ("asr_transducer", {"beam_size": 4, "transducer_conf": {"search_type": "maes"}}),
    ("asr_transducer", {"beam_size": 4, "transducer_conf": {"search_type": "default"}}),
    ("asr_conformer", {"beam_size": 4, "ctc_weight": 0.3, "lm_weight": 0.4, "lm": "lm_rnn"}),
]


@pytest.fixture(scope="module")
def speeches(fixtures_dir) -> list[np.ndarray]:
    lines = (fixtures_dir / "data" / "test_seen" / "wav.scp").read_text(encoding="utf-8").splitlines()[:3]
    return [soundfile.read(fixtures_dir / line.split()[1], dtype="float32")[0] for line in lines]


@pytest.mark.parametrize(("model", "options"), CASES, ids=lambda value: str(value))
def test_results_are_those_of_one_by_one(fixtures_dir, speeches, monkeypatch, model, options):
    def files(name, config, weights):
        directory = fixtures_dir / "models" / name
        return {config: directory / "config.yaml", weights: next(directory.glob("*.ave.pth"))}

    monkeypatch.chdir(fixtures_dir / "models" / model)
    options = {**options, **files(model, "asr_train_config", "asr_model_file"), "nbest": 2}
    if lm := options.pop("lm", ""):
        options |= files(lm, "lm_train_config", "lm_file")
    alone, batched = Speech2Text(**options), Speech2Text(**options, batch_size=2)
    for found, speech in zip(batched(speeches), speeches, strict=True):
        expected = alone(speech)
        assert [result[:3] for result in found] == [result[:3] for result in expected]
        scores = [float(result[3].score) for result in expected]
        np.testing.assert_allclose([float(result[3].score) for result in found], scores, atol=1e-4)
