"""Data sets that are iterated over, HDF5, preprocessors of one's own, and what the collation of HuBERT refuses."""

import sys

import numpy as np
import pytest
import torch

from espnet2.interface.errors import DataError, MissingPackageError, OptionError
from espnet2.main_funcs.collect_stats import collect_stats
from espnet2.train.class_choices import ClassChoices
from espnet2.train.collate_fn import HuBERTCollateFn
from espnet2.train.dataset import ESPnetDataset
from espnet2.train.iterable_dataset import IterableESPnetDataset
from espnet2.train.preprocessor import AbsPreprocessor


class Negative(AbsPreprocessor):
    def __call__(self, uid, data):
        return {name: -value for name, value in data.items()}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "numbers").write_text("a 1 2\nb 3\nc 4 5 6\n")
    (tmp_path / "keys").write_text("c x\na y\n")
    return [(str(tmp_path / "numbers"), "x", "text_int")], tmp_path / "keys"


def test_utterances_come_in_the_order_of_the_keys(files):
    data, keys = files
    for key_file, wanted in ((None, "abc"), (keys, "ca"), (["b"], "b")):
        dataset = IterableESPnetDataset(data, Negative(train=False), key_file=key_file)
        found = dict(dataset)
        assert "".join(found) == wanted
        assert dataset.has_name("x") and dataset.names() == ("x",) and "numbers" in repr(dataset)
    assert found["b"]["x"].tolist() == [-3]
    with pytest.raises(DataError, match="expected an utterance of them, found 'z'"):
        list(IterableESPnetDataset(data, key_file=["z"]))


def test_processes_take_turns(files):
    loader = torch.utils.data.DataLoader(IterableESPnetDataset(files[0]), batch_size=None, num_workers=2)
    assert sorted(name for name, _ in loader) == ["a", "b", "c"]


def test_hdf5(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPackageError, match="expected the package h5py, found none; pip install h5py"):
        ESPnetDataset([(str(path), "x", "hdf5")])
    monkeypatch.undo()
    h5py = pytest.importorskip("h5py")
    with pytest.raises(DataError, match="expected an HDF5 file, found No such file"):
        ESPnetDataset([(str(path), "x", "hdf5")])
    path.write_text("text")
    with pytest.raises(DataError, match="expected an HDF5 file, found: "):
        ESPnetDataset([(str(path), "x", "hdf5")])
    with h5py.File(path, "w") as file:
        file["utt"] = np.ones((3, 2))
    dataset = ESPnetDataset([(str(path), "x", "hdf5")])
    assert list(dataset) == ["utt"] and dataset["utt"][1]["x"].shape == (3, 2)


def test_random_numbers_of_no_range(tmp_path):
    (tmp_path / "shapes").write_text("a 3\n")
    with pytest.raises(OptionError, match="expected random numbers from low to below high, found 3 and 3"):
        ESPnetDataset([(str(tmp_path / "shapes"), "x", "rand_int_3_3")])


@pytest.mark.parametrize(("options", "message"), [
    ({"mix_speech": True}, "mix_speech: expected False, found True"),
    ({"reverb_speech": True}, "reverb_speech: expected False, found True"),
    ({"label_downsampling": 0}, "label_downsampling: expected at least 1, found 0"),
])  # fmt: skip
def test_what_the_collation_of_hubert_refuses(options, message):
    with pytest.raises(OptionError, match=message):
        HuBERTCollateFn(**options)


def test_thinned_labels_are_those_of_the_frames():
    data = [(name, {"speech": np.zeros(size), "text": np.arange(count)}) for name, size, count in (
        ("a", 16000, 49), ("b", 22000, 67)
    )]  # fmt: skip
    _, batch = HuBERTCollateFn(rand_crop=False, label_downsampling=2)(data)
    assert batch["text"].tolist() == [list(range(0, 49, 2))] * 2 and batch["text_lengths"].tolist() == [25, 25]


@pytest.mark.parametrize(("classes", "options", "message"), [
    ({"a": int}, {"type_check": torch.nn.Module}, "foo: expected classes of Module, found int"),
    ({"none": int}, {}, "foo: expected names but none, null, nil"),
])  # fmt: skip
def test_classes_that_are_no_choices(classes, options, message):
    with pytest.raises(ValueError, match=message):
        ClassChoices("foo", classes, **options)
    with pytest.raises(ValueError, match=r"--foo must be one of \('a',\): --foo z"):
        ClassChoices("foo", {"A": int}).get_class("z")


class Features:
    eval = staticmethod(lambda: None)

    @staticmethod
    def collect_feats(x, x_lengths):
        return {"feats": x, "feats_lengths": x_lengths}


def test_statistics_of_both_phases(tmp_path):
    batches = [(["a"], {"x": torch.ones(1, 3, 2), "x_lengths": torch.tensor([3])})]
    collect_stats(Features, batches, batches, tmp_path, ngpu=0, log_interval=None)
    for phase in ("train", "valid"):
        assert (tmp_path / phase / "x_shape").read_text() == "a 3,2\n"
        assert np.load(tmp_path / phase / "feats_stats.npz")["count"] == 3
