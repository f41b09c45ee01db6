"""Bundles of models that are exported on first use: where they are, and when they are made again."""

import shutil

import pytest

from espnet2.export import cached
from espnet2.interface.errors import ArchiveError, OptionError


@pytest.fixture
def exports(monkeypatch):
    """Directories that bundles were written to, and of what."""
    made = []

    def make_bundle(target, **files):
        target.mkdir(parents=True)
        (target / cached.MANIFEST).write_text("task: asr\n")
        made.append((target, files))

    monkeypatch.setattr(cached, "make_bundle", make_bundle)
    return made


@pytest.fixture
def model(demo_dir, tmp_path):
    return shutil.copytree(demo_dir / "exp" / "asr", tmp_path / "model")


def test_a_model_directory_is_exported_once_and_again_when_it_changes(model, exports, tmp_path):
    first = cached.cached_bundle(model, tmp_path / "cache")
    assert first == cached.cached_bundle(model, tmp_path / "cache")
    files = {"asr_train_config": str(model / "config.yaml"), "asr_model_file": str(model / "valid.acc.ave.pth")}
    assert exports == [(first, files)]
    moved = model.rename(tmp_path / "other")
    assert cached.cached_bundle(moved, tmp_path / "cache").name[-16:] == first.name[-16:]
    (moved / "tokens.txt").write_text("changed")
    assert cached.cached_bundle(moved, tmp_path / "cache").name[-16:] != first.name[-16:]


def test_an_archive_is_exported_once(exports, tmp_path):
    archive = tmp_path / "asr.v2.zip"
    archive.write_bytes(b"PK")
    first = cached.cached_bundle(archive, tmp_path / "cache")
    assert first.name.startswith("asr-")
    archive.write_bytes(b"PK2")
    assert cached.cached_bundle(archive, tmp_path / "cache") != first
    assert [files for _, files in exports] == [{"model_file": str(archive)}] * 2


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["1epoch.pth", "valid.acc.ave.pth"], "valid.acc.ave.pth"),
        (["valid.acc.ave_10best.pth", "valid.acc.best.pth", "latest.pth"], "valid.acc.ave_10best.pth"),
        (["one.pth"], "one.pth"),
    ],
)
def test_averaged_weights_are_preferred(names, chosen, model):
    (model / "valid.acc.ave.pth").unlink()
    for name in names:
        (model / name).write_bytes(b"")
    assert cached.model_files(model)["asr_model_file"] == str(model / chosen)


def test_what_is_no_model_is_refused(model, tmp_path):
    with pytest.raises(OptionError, match=r"expected a bundle .* found none of these"):
        cached.model_files(tmp_path)
    (model / "valid.acc.ave.pth").unlink()
    with pytest.raises(OptionError, match=r"expected weights \(\*.pth\) beside config.yaml, found none"):
        cached.model_files(model)
    for name in ("a.pth", "b.pth"):
        (model / name).write_bytes(name.encode())
    with pytest.raises(OptionError, match=r"expected one file of weights \(\*.pth\), found a.pth, b.pth"):
        cached.model_files(model)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "meta.yaml").write_text("files: {asr_model_file: nothing.pth}")
    with pytest.raises(ArchiveError, match=r"nothing\.pth"):
        cached.cached_bundle(tmp_path / "packed", tmp_path)
