"""A bundle that takes another's place: whoever loads finds one or the other, and no mixture."""

import sys
import threading

import pytest
from manifests import with_section

from espnet2.interface.errors import BundleError
from espnet2.runtime import bundle_replacement
from espnet2.runtime.asr import Speech2Text
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.bundle_replacement import MANIFEST, read_as_one
from espnet2.utils.atomic import exchange

CAN_EXCHANGE = sys.platform.startswith(("linux", "darwin"))


def write(path, manifest, onnx_files, rate):
    files = {name: onnx_files / name for name in ("encoder.onnx", "ctc.onnx")}
    Bundle.write(path, with_section(manifest, sample_rate=rate), files)


@pytest.mark.skipif(not CAN_EXCHANGE, reason="the system cannot exchange two names")
@pytest.mark.parametrize("load", [Bundle.load, lambda path: Speech2Text(path, ctc_weight=1.0).bundle])
def test_loading_while_it_is_replaced(tmp_path, manifest, onnx_files, load):
    path = tmp_path / "bundle"
    write(path, manifest, onnx_files, 8000)
    ended, loaded, errors = threading.Event(), [], []

    def read():
        while not ended.is_set():
            try:
                loaded.append(load(path).section.sample_rate)
            except Exception as error:
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        write(path, manifest, onnx_files, 8000 + number)
    ended.set()
    reader.join()
    assert not errors
    assert loaded
    assert loaded == sorted(loaded)
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle"]


def test_a_loaded_bundle_has_no_graphs_of_another(tmp_path, manifest, onnx_files):
    write(tmp_path / "bundle", manifest, onnx_files, 8000)
    loaded = Bundle.load(tmp_path / "bundle")
    assert loaded.graph("ctc")
    write(tmp_path / "bundle", manifest, onnx_files, 16000)
    with pytest.raises(BundleError, match="bundle: expected the bundle that was loaded, found another in its place"):
        loaded.graph("ctc")
    assert Bundle.load(tmp_path / "bundle").graph("ctc")


def test_what_is_read_in_pieces_is_read_again(tmp_path, manifest, onnx_files):
    path = tmp_path / "bundle"
    write(path, manifest, onnx_files, 8000)
    rates = iter([9000, 10000, None])

    def read():
        before = Bundle.load(path).section.sample_rate
        rate = next(rates)
        if rate == 10000:
            write(path, manifest, onnx_files, rate)
            raise BundleError("the file has changed")
        if rate is not None:
            write(path, manifest, onnx_files, rate)
        return before

    assert read_as_one(path, read) == 10000


def test_one_that_never_stays_is_said(tmp_path, manifest, onnx_files):
    path = tmp_path / "bundle"
    write(path, manifest, onnx_files, 8000)
    with pytest.raises(BundleError, match="expected a bundle that stays, found one that was replaced 100 times"):
        read_as_one(path, lambda: write(path, manifest, onnx_files, 8000))


def test_what_is_wrong_is_said_at_once(tmp_path):
    calls = []

    def read():
        calls.append(None)
        raise BundleError("wrong")

    with pytest.raises(BundleError, match="wrong"):
        read_as_one(tmp_path, read)
    assert len(calls) == 1


def test_names_are_exchanged(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST).write_text(name)
    if CAN_EXCHANGE:
        assert exchange(tmp_path / "one", tmp_path / "other")
        assert (tmp_path / "one" / MANIFEST).read_text() == "other"
    assert not exchange(tmp_path / "one", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", "win32")
    assert not exchange(tmp_path / "one", tmp_path / "other")
    assert bundle_replacement.exchange is exchange


@pytest.mark.parametrize("exchanges", [True, False])
def test_what_comes_while_it_is_replaced_is_kept(tmp_path, manifest, onnx_files, monkeypatch, caplog, exchanges):
    if not exchanges:
        monkeypatch.setattr(bundle_replacement, "exchange", lambda one, other: False)
    path = tmp_path / "bundle"
    write(path, manifest, onnx_files, 8000)
    replace = bundle_replacement.replace

    def come(temporary, target, own):
        (path / "notes").mkdir()
        replace(temporary, target, own)

    monkeypatch.setattr("espnet2.runtime.bundle.replace", come)
    write(path, manifest, onnx_files, 16000)
    assert Bundle.load(path).section.sample_rate == 16000
    (kept,) = tmp_path.glob("bundle.kept-*")
    assert [found.name for found in kept.iterdir()] == ["notes"]
    assert "kept, since these files came" in caplog.text
    assert sorted(found.name for found in tmp_path.iterdir()) == ["bundle", kept.name]


@pytest.mark.parametrize("name", ["encoder.onnx", "notes"])
def test_a_directory_in_a_bundle_is_kept(tmp_path, manifest, onnx_files, name):
    path = tmp_path / "bundle"
    write(path, manifest, onnx_files, 8000)
    (path / name).unlink(missing_ok=True)
    (path / name).mkdir()
    with pytest.raises(BundleError, match=f"{name}: expected only files that bundle.yaml lists, found another; it is"):
        write(path, manifest, onnx_files, 16000)
    assert (path / name).is_dir()


def test_a_replacement_that_was_killed_between_two_renames(tmp_path, manifest, onnx_files):
    path = tmp_path / "bundle"
    write(path, manifest, onnx_files, 8000)
    path.rename(tmp_path / ".bundle.0123.old")
    (tmp_path / ".bundle.xyz.work").mkdir()
    Bundle.require_writable(path)
    assert Bundle.load(path).section.sample_rate == 8000
    assert [found.name for found in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", "found a whole file system"),
        ("/proc", "found a whole file system"),
        ("loop/x", "expected a directory that"),
    ],
)
def test_places_where_no_bundle_can_be(tmp_path, monkeypatch, path, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BundleError, match=found):
        Bundle.require_writable(path)
