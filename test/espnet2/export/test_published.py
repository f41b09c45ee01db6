"""Configurations as published go from drawn weights to a bundle whose n-best list is upstream's.

The texts of `test/published`, with reduced widths; `tools/make_published_golden.py` asks upstream.
"""

import importlib
import json
from pathlib import Path

import published_models as published
import pytest

import espnet2.runtime
from espnet2.export.make_bundle import make_bundle
from espnet2.runtime.results import by_speaker

GOLDENS = json.loads(published.GOLDEN.read_text())
# Upstream's command of stand-alone transducers names the options of its search otherwise.
RENAMED = {"beam_search_config": "transducer_conf"}


def build(task: str, config: Path):
    module, name = task.split(":")
    return getattr(importlib.import_module(module), name).build_model_from_file(config)[0]


@pytest.mark.parametrize("name", published.names())
def test_bundle_gives_upstreams_nbest(name: str, tmp_path: Path):
    found = published.read(name)
    files = published.write(name, tmp_path, build)
    bundle = make_bundle(tmp_path / "bundle", **files)
    options = {RENAMED.get(option, option): value for option, value in found.decode.items()}
    recognise = espnet2.runtime.Speech2Text(bundle.path, nbest=published.NBEST, num_threads=1, **options)
    speakers = list(by_speaker(recognise(published.speech(found))).values())
    expected = GOLDENS[name] if found.decode.get("multi_asr") else [GOLDENS[name]]
    assert len(speakers) == len(expected)
    for nbest, wanted in zip(speakers, expected, strict=True):
        assert [result.token_int for result in nbest][: len(wanted)] == [token_int for token_int, _ in wanted]
        if None in [score for _, score in wanted]:
            continue
        scores = [float(result.hypothesis.score) for result in nbest[: len(wanted)]]
        # Sums of float32 over up to 150 decisions: a hundred-thousandth of a score of several hundreds is above 1e-3.
        assert scores == pytest.approx([score for _, score in wanted], abs=1e-3, rel=2e-5)


def test_every_golden_has_its_configuration():
    assert sorted(GOLDENS) == published.names()
    assert len(GOLDENS) >= 20
