"""Graphs are opened at once, only those that are used, while files are checked; unchanged files are read once."""

import threading
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from espnet2.bin.asr_inference_onnx import main
from espnet2.fileio import checksum
from espnet2.interface.errors import BundleError
from espnet2.runtime import Speech2Text, bundle, opening, speech
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
    loaded = Bundle.load(path)
    Speech2Text(path, ctc_weight=1.0)
    Speech2Text(loaded, ctc_weight=1.0)
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


def test_a_failed_verification_forgets_checksums(tmp_path, read):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    entries = [{"file": "file", "sha256": checksum.sha256(path)}]
    open_checked(tmp_path, entries, {})
    with pytest.raises(BundleError, match="has changed"):
        open_checked(tmp_path, [{"file": "file", "sha256": "other"}], {}, again=True)
    del read[:]
    open_checked(tmp_path, entries, {})
    assert read == ["file"]


def test_the_command_reads_the_bundle_and_checks_samples_once(tiny_bundle, say, tmp_path, monkeypatch, capsys):
    counts: Counter[str] = Counter()

    def counted(name, function):
        def run(*args, **options):
            counts[name] += 1
            return function(*args, **options)

        return run

    monkeypatch.setattr("espnet2.runtime.bundle.read_yaml", counted("yaml", bundle.read_yaml))
    monkeypatch.setattr("espnet2.runtime.speech.require_numbers", counted("samples", speech.require_numbers))
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", say(2, 3), 16000, subtype="PCM_16")
    assert main(["--bundle", str(tiny_bundle), "--ctc_weight", "1", "a.wav"]) == 0
    assert capsys.readouterr().out == "a日\n"
    assert counts == {"yaml": 1, "samples": 1}
