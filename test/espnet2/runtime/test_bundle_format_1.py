"""Bundles of format 1, written before there were several families, give the results that they gave then."""

import json
from pathlib import Path

import numpy as np
import pytest

from espnet2.interface.errors import BundleError
from espnet2.runtime import Speech2Text, Speech2TextStreaming
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.bundle_format_1 import upgraded

GOLDEN = Path(__file__).parents[2] / "golden" / "format_1"
REFERENCES = json.loads((GOLDEN / "references.json").read_text(encoding="utf-8"))
CLASSES = {"recogniser": Speech2Text, "streams": Speech2TextStreaming}


def rows():
    return [(name, row["options"], row["nbest"]) for name, given in REFERENCES.items() for row in given]


@pytest.mark.parametrize(("name", "options", "expected"), rows(), ids=str)
def test_results_are_those_of_then(name, options, expected):
    speech = (0.1 * np.random.default_rng(5).standard_normal(6000)).astype(np.float32)
    found = CLASSES[name](GOLDEN / name, num_threads=1, **options)(speech)
    assert [(result.text, result.token_int) for result in found] == [(e["text"], e["token_int"]) for e in expected]
    scores = [float(result.hypothesis.score) for result in found]
    # int8 products are rounded otherwise by processors without VNNI.
    tolerance = 0.5 if options.get("quantized") else 1e-3
    np.testing.assert_allclose(scores, [e["score"] for e in expected], atol=tolerance)


def test_files_get_roles():
    bundle = Bundle.load(GOLDEN / "recogniser")
    assert bundle.files == {"bpemodel": GOLDEN / "recogniser" / "bpe.model"}
    assert bundle.section.tokenizer == {"token_type": "bpe"}
    assert bundle.manifest.to_dict()["format_version"] == 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"task": "asr", "ngram": {"file": "n"}}, {"task": "asr", "files": {"ngram": {"file": "n"}}, "asr": {}}),
        ({"tokenizer": "bpe"}, {"files": {}, "asr": {"tokenizer": "bpe"}}),
        ({"colour": "red", "tokens": 3}, {"colour": "red", "files": {}, "asr": {"tokens": 3}}),
    ],
)
def test_what_is_wrong_stays_wrong(data, expected):
    assert upgraded(data) == expected


def test_a_broken_manifest_of_format_1(tmp_path):
    (tmp_path / "bundle.yaml").write_text("format_version: 1\ntask: asr\ncomponents: {}\n", encoding="utf-8")
    with pytest.raises(BundleError, match=r"bundle\.yaml: asr: expected the key 'sample_rate', found keys none"):
        Bundle.load(tmp_path)
