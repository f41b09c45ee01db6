"""Scorers of n-gram models, with and without the package that reads them."""

import dataclasses
import sys

import pytest

from espnet2.interface.errors import MissingPackageError, OptionError
from espnet2.runtime import Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.ngram import load_ngram

TOKENS = ["<blank>", "a", "<sos/eos>"]


def test_ngram(tmp_path):
    assert load_ngram(None, TOKENS) is None
    with pytest.raises(OptionError, match="ngram_scorer: expected one of full, part, found 'half'"):
        load_ngram(None, TOKENS, "half")
    try:
        import kenlm  # noqa: F401
    except ImportError:
        expected = pytest.raises(MissingPackageError, match="kenlm")
    else:
        expected = pytest.raises(OptionError, match=r"x\.arpa: expected an n-gram model of KenLM")
    with expected:
        load_ngram(tmp_path / "x.arpa", TOKENS)


def test_an_ngram_model_that_no_search_reads_needs_no_kenlm(tmp_path, manifest, onnx_files, say, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    files = {name: onnx_files / name for name in ("encoder.onnx", "ctc.onnx")}
    Bundle.write(
        tmp_path / "b", dataclasses.replace(manifest, files={"ngram": {"file": "n"}}), {**files, "n": b"n-gram"}
    )
    for options in ({"ngram_weight": 0}, {"ctc_greedy": True}):
        assert Speech2Text(tmp_path / "b", **options)(say(2))[0].text == "a"
    with pytest.raises(MissingPackageError, match="n: expected the package kenlm, found none; pip install kenlm, or"):
        Speech2Text(tmp_path / "b")
