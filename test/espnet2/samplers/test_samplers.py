"""Batches of every sampler are upstream's, and shape files that cannot be used are refused."""

import json

import data_cases
import pytest

from espnet2.interface.errors import DataError, OptionError
from espnet2.samplers.build_batch_sampler import SAMPLERS, build_batch_sampler
from espnet2.samplers.folded_batch_sampler import FoldedBatchSampler


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data_cases.write_shapes()


def test_batches_and_their_order_are_upstreams(shapes, repo_dir):
    cases = data_cases.sampler_cases()
    golden = json.loads((repo_dir / "test" / "golden" / "data" / "batches.json").read_text())
    assert {case["type"] for case in cases} == set(SAMPLERS)
    for case, expected in zip(cases, golden, strict=True):
        sampler = build_batch_sampler(**case)
        assert [[int(name[3:]) for name in batch] for batch in sampler] == expected, case
        assert list(sampler) == list(sampler)
        assert len(sampler) == len(expected)


def test_description(shapes):
    sampler = build_batch_sampler("unsorted", 7, 0, ["speech"])
    expected = "UnsortedBatchSampler(utterances=40, batches=5, batch sizes: mean 8.0, min 8, max 8)"
    assert repr(sampler) == expected


def test_a_last_batch_is_shared_out_among_fewer_batches_than_it_has_utterances(tmp_path):
    # Upstream ends with an IndexError here.
    lines = [f"utt{index} {length}\n" for index, length in enumerate([1] * 10 + [9] * 4)]
    (tmp_path / "shape").write_text("".join(lines))
    sampler = FoldedBatchSampler(10, [str(tmp_path / "shape")], [9], min_batch_size=5)
    assert [len(batch) for batch in sampler] == [14]


def test_utterances_longer_than_a_batch_are_batches_of_their_own(tmp_path):
    (tmp_path / "shape").write_text("a 5\nb 500\nc 600\n")
    sampler = build_batch_sampler("length", 1, 10, [str(tmp_path / "shape")])
    assert list(sampler) == [("b", "a"), ("c",)]


BROKEN = {
    "no numbers": ("a 1\nb x\n", "shape, line 2: expected int numbers separated by commas after b, found 'x'"),
    "negative": ("a 1\nb 2,-3\n", "shape, line 2: expected sizes of b, found -3"),
    "key only": ("a\n", "shape, line 1: expected int numbers separated by commas after a, found ''"),
    "twice": ("a 1\na 1\n", "shape, line 2: expected each key once, found 'a' again"),
    "empty": ("", "shape: expected lines of numbers, found an empty file"),
    "other": ("a 1\nz 1\n", "shape: expected all utterances of other, found none for b, c, d and 1 more"),
    "more": ("a 1\nb 1\nc 1\nd 1\ne 1\nf 1\n", "other: expected all utterances of shape, found none for f"),
    "missing": (None, "shape: expected a text file in UTF-8, found No such file or directory"),
}


@pytest.mark.parametrize("kind", ["folded", "length", "numel"])
@pytest.mark.parametrize(("content", "sentence"), BROKEN.values(), ids=BROKEN)
def test_broken_shape_files(tmp_path, monkeypatch, kind, content, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").write_text("a 1\nb 1\nc 1\nd 1\ne 1\n")
    if content is not None:
        (tmp_path / "shape").write_text(content)
    with pytest.raises(DataError) as error:
        build_batch_sampler(kind, 2, 10, ["other", "shape"], fold_lengths=[5, 5])
    assert str(error.value) == sentence


@pytest.mark.parametrize("kind", ["unsorted", "sorted"])
def test_empty_files(tmp_path, kind):
    (tmp_path / "shape").write_text("")
    with pytest.raises(DataError, match="found an empty file"):
        build_batch_sampler(kind, 2, 10, [str(tmp_path / "shape")])


OPTIONS = [
    ({"type": "catbel"}, "batch_type: expected one of unsorted, sorted, folded, length, numel, found 'catbel'"),
    ({"type": "sorted", "batch_size": 0}, "batch_size: expected at least 1, found 0"),
    ({"type": "numel", "batch_bins": 0}, "batch_bins: expected at least 1, found 0"),
    ({"type": "length", "min_batch_size": 0}, "min_batch_size: expected at least 1, found 0"),
    ({"type": "sorted", "sort_in_batch": "up"}, "sort_in_batch: expected ascending or descending, found 'up'"),
    ({"type": "numel", "sort_batch": "up"}, "sort_batch: expected ascending or descending, found 'up'"),
    ({"type": "folded"}, "fold_lengths: expected one for each of the 1 shape files, found 0"),
    ({"type": "folded", "fold_lengths": [0]}, "fold_lengths: expected at least 1, found 0"),
    (
        {"type": "length", "shape_files": []},
        "shape_files: expected at least one file for batch_type length, found none",
    ),
]


@pytest.mark.parametrize(("options", "sentence"), OPTIONS)
def test_options_that_are_refused(shapes, options, sentence):
    with pytest.raises(OptionError) as error:
        build_batch_sampler(**{"batch_size": 1, "batch_bins": 100, "shape_files": ["speech"]} | options)
    assert str(error.value) == sentence
