"""Graphs are opened at once, only those that are used, while files are checked; unchanged files are read once."""

import threading
from pathlib import Path

import pytest

from espnet2.fileio import checksum
from espnet2.interface.errors import BundleError
from espnet2.runtime import Speech2Text, opening
from espnet2.runtime.bundle import Bundle
from espnet2.runtime.opening import available_cores, open_checked


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Names of the files that are read for their checksums, all of which count as unchanged for long."""
    names, sha256 = [], checksum.sha256
    monkeypatch.setattr(checksum, "SETTLED", -60.0)
    monkeypatch.setattr(checksum, "sha256", lambda path: names.append(Path(path).name) or sha256(path))
    return names


@pytest.fixture
def two_cores(monkeypatch) -> None:
    monkeypatch.setattr(opening, "available_cores", lambda: 2)


def test_cores():
    assert available_cores() >= 1


def test_jobs_run_at_once(tmp_path, two_cores):
    barrier = threading.Barrier(2, timeout=10)
    jobs = {name: lambda name=name: (name, barrier.wait() >= 0) for name in ("b", "a")}
    assert open_checked(tmp_path, [], jobs) == {"b": ("b", True), "a": ("a", True)}


def test_checks_run_while_jobs_do(tmp_path, two_cores, monkeypatch):
    barrier = threading.Barrier(2, timeout=10)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(checksum, "sha256", lambda path: str(barrier.wait() >= 0))
    assert open_checked(tmp_path, [{"file": "file", "sha256": "True"}], {"a": barrier.wait})["a"] in (0, 1)


def test_a_damaged_file_explains_the_error_of_a_job(tmp_path):
    (tmp_path / "file").write_bytes(b"x")

    def job():
        raise BundleError("not a graph")

    with pytest.raises(BundleError, match=r"file: expected sha256 abc, found 2d7116.*; the file has changed"):
        open_checked(tmp_path, [{"file": "file", "sha256": "abc"}], {"a": job})
    with pytest.raises(BundleError, match=r"none: expected a file that bundle.yaml lists, found none"):
        open_checked(tmp_path, [{"file": "none", "sha256": "abc"}], {"a": job})
    with pytest.raises(BundleError, match="not a graph"):
        open_checked(tmp_path, [], {"a": job})


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checksum, "sha256", refuse)
    with pytest.raises(BundleError, match="file: expected a file that can be read, found: Permission denied"):
        open_checked(tmp_path, [{"file": "file", "sha256": "abc"}], {})


def test_unchanged_files_are_read_once(tiny_bundle, read):
    path = tiny_bundle
    files = {path.name for path in path.iterdir()} - {"bundle.yaml"}
    Bundle.load(path)
    assert set(read) == files
    del read[:]
    bundle = Bundle.load(path)
    Speech2Text(path, ctc_weight=1.0)
    Speech2Text(bundle, ctc_weight=1.0)
    assert not read
    Speech2Text(path, ctc_weight=1.0, verify=True)
    Bundle.load(path, verify=True)
    assert sorted(read) == sorted(2 * list(files))
    Speech2Text(path, ctc_weight=1.0)
    assert len(read) == 2 * len(files)


@pytest.mark.parametrize("verify", [False, True])
def test_changed_files_are_found(verify, tiny_bundle, read):
    path = tiny_bundle
    Speech2Text(path, ctc_weight=1.0)
    data = bytearray((path / "ctc.onnx").read_bytes())
    data[-1] ^= 1
    (path / "ctc.onnx").write_bytes(data)
    with pytest.raises(BundleError, match=r"ctc.onnx: expected sha256 .*; the file has changed"):
        Speech2Text(path, ctc_weight=1.0, verify=verify)
