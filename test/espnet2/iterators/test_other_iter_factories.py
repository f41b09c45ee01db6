"""Errors of chunks and categories, and epochs of categories."""

import numpy as np
import pytest

from espnet2.interface.errors import DataError, OptionError
from espnet2.iterators.category_iter_factory import CategoryIterFactory
from espnet2.iterators.chunk_iter_factory import ChunkIterFactory, lengths_of
from espnet2.iterators.sequence_iter_factory import SequenceIterFactory
from espnet2.samplers.category_balanced_sampler import CategoryBalancedSampler


def test_utterances_stay_in_their_batches():
    with pytest.raises(OptionError, match="shuffle_within_batch: expected False, found True"):
        SequenceIterFactory(Names(), [["a"]], shuffle_within_batch=True)


class Names:
    def __getitem__(self, name):
        return name


class Arrays:
    """Utterances whose arrays have the lengths that their names say."""

    def __getitem__(self, name):
        return name, {f"x{place}": np.zeros(int(length)) for place, length in enumerate(name.split("-"))}


def chunks(*names, **options):
    options = {"batch_size": 1, "chunk_length": 2, **options}
    return list(ChunkIterFactory(Arrays(), batches=[[name] for name in names], **options).build_iter(1))


def test_epochs_of_categories_differ(tmp_path):
    path = tmp_path / "category2utt"
    path.write_text("c1 a b c d\nc2 e f g\nc3 m n o p q\n")
    options = {"batch_size": 2, "category2utt_file": str(path)}
    factory = CategoryIterFactory(Names(), [["a"]], sampler_args=options, collate_fn=list)
    for epoch in (1, 2, 1):
        wanted = [list(batch) for batch in CategoryBalancedSampler(**options, epoch=epoch)]
        assert list(factory.build_iter(epoch)) == wanted
    assert list(CategoryIterFactory(Names(), [["a"]], collate_fn=list).build_iter(1)) == [["a"]]
    with pytest.raises(OptionError, match="batch_type: expected one of catbel, found 'other'"):
        CategoryIterFactory(Names(), [["a"]], batch_type="other")


@pytest.mark.parametrize(("options", "message"), [
    ({"category2utt_file": None}, "category2utt_file: expected a file of categories and their utterances, found none"),
    ({"category2utt_file": "empty"}, "empty: expected categories and their utterances, found an empty file"),
    ({"batch_size": 0}, "batch_size: expected at least 1, found 0"),
])  # fmt: skip
def test_what_the_balanced_sampler_refuses(tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises((OptionError, DataError), match=message):
        CategoryBalancedSampler(**{"batch_size": 2, "category2utt_file": "x", **options})


@pytest.mark.parametrize(("text", "wanted"), [(3, [3]), ("3", [3]), ("3,5-7", [3, 5, 6, 7]), ("2, 4", [2, 4])])
def test_lengths_of_chunks(text, wanted):
    assert lengths_of(text) == wanted


@pytest.mark.parametrize("text", ["x", "-3", "2.5", "0", "5-3", ""])
def test_words_that_are_no_lengths(text):
    with pytest.raises(OptionError, match="chunk_length: expected "):
        lengths_of(text)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"default_fs": 8000}, OptionError, "default_fs: expected None, found 8000"),
    ({"chunk_max_abs_length": 5}, OptionError, "chunk_max_abs_length: expected None, found 5"),
    ({"chunk_shift_ratio": 0.3}, OptionError, "chunk_shift_ratio: expected a shift of a frame or more, found 0.3 of 2"),
    ({}, DataError, "5-6: expected arrays of one length to cut into chunks, found {'x0': 5, 'x1': 6}"),
    ({"excluded_key_prefixes": ["x1"], "batch_size": 3}, DataError, "x1: expected one shape in a batch of chunks"),
])  # fmt: skip
def test_what_chunks_refuse(options, error, message):
    with pytest.raises(error, match=message):
        chunks("5-6", "5-7", chunk_shift_ratio=options.pop("chunk_shift_ratio", 1.0), **options)


def test_short_utterances_are_told_of(caplog):
    assert chunks("2-2", "1") == []
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["2-2", "1"]
