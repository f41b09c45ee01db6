"""Checksums are remembered while files do not change, and a cache that is damaged or missing has no effect."""

import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from espnet2.fileio import checksum
from espnet2.fileio.checksum import CACHE, Checksums, cache_directory, sha256, sha256_of

CONTENTS = {"a": b"first", "b": b"second" * 100_000, "empty": b""}
EXPECTED = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENTS.items()}


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(checksum, "cache_directory", lambda: tmp_path / "cache")
    return tmp_path / "cache" / CACHE


@pytest.fixture
def files(tmp_path) -> Path:
    """Files that were written long ago."""
    directory = tmp_path / "files"
    directory.mkdir()
    for name, data in CONTENTS.items():
        (directory / name).write_bytes(data)
    return directory


@pytest.fixture
def settled(monkeypatch) -> None:
    """Files count as settled at once."""
    monkeypatch.setattr(checksum, "SETTLED", -60.0)


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Names of the files that were read."""
    names = []

    def counted(path):
        names.append(Path(path).name)
        return sha256(path)

    monkeypatch.setattr(checksum, "sha256", counted)
    return names


def of_all(directory: Path, again: bool = False) -> dict[str, str]:
    checksums = Checksums(directory, again)
    found = {name: checksums.of(name, EXPECTED[name]) for name in CONTENTS}
    checksums.remember()
    return found


def test_files_and_contents(files):
    for name, data in CONTENTS.items():
        assert sha256(files / name) == sha256_of(files / name) == sha256_of(data) == EXPECTED[name]


def test_unchanged_files_are_read_once(files, cache, settled, hashed):
    for _ in range(3):
        assert of_all(files) == EXPECTED
    assert hashed == list(CONTENTS)
    assert of_all(files, again=True) == EXPECTED
    assert hashed == 2 * list(CONTENTS)


def _rewrite(path: Path) -> None:
    path.write_bytes(b"third")


def _rewrite_with_old_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"third")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"third")
    os.replace(other, path)


@pytest.mark.parametrize("change", [_rewrite, _rewrite_with_old_time, _replace])
def test_changed_files_are_read_again(change, files, cache, settled, hashed):
    of_all(files)
    del hashed[:]
    change(files / "a")  # the size stays
    assert of_all(files) == {**EXPECTED, "a": hashlib.sha256(b"third").hexdigest()}
    assert hashed == ["a"]


def test_files_that_just_changed_are_not_remembered(files, cache, hashed):
    of_all(files)
    assert of_all(files) == EXPECTED
    assert hashed == 2 * list(CONTENTS)


def test_a_file_that_changes_meanwhile_is_not_remembered(files, cache, settled, monkeypatch):
    def changed_behind(path):
        found = sha256(path)
        if path.name == "a":
            _rewrite(path)
        return found

    monkeypatch.setattr(checksum, "sha256", changed_behind)
    of_all(files)
    (store,) = cache.iterdir()
    assert set(json.loads(store.read_text())) == set(CONTENTS) - {"a"}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"a": 3}', '{"a": []}', '{"a": [1, "x"]}', "[" * 100_000, "\udcff"]
)
def test_damaged_caches_have_no_effect(content, files, cache, settled, hashed):
    of_all(files)
    (store,) = cache.glob("*.json")
    store.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert of_all(files) == EXPECTED
    assert len(hashed) == 2 * len(CONTENTS)
    assert of_all(files) == EXPECTED
    assert len(hashed) == 2 * len(CONTENTS)  # it was repaired


def test_a_wrong_checksum_in_the_cache_is_not_believed(files, cache, settled):
    of_all(files)
    (store,) = cache.iterdir()
    entries = json.loads(store.read_text())
    entries["a"][-1] = "0" * 64
    store.write_text(json.dumps(entries))
    assert of_all(files) == EXPECTED


def test_old_caches_are_removed(files, cache, settled):
    cache.mkdir(parents=True)
    for name, days in {"old": 91, "new": 89}.items():
        (cache / f"{name}.json").write_text("{}")
        written = time.time() - days * 24 * 3600
        os.utime(cache / f"{name}.json", (written, written))
    of_all(files)
    assert len(list(cache.iterdir())) == 2
    assert not (cache / "old.json").exists()


def test_unwritable_caches_have_no_effect(files, tmp_path, monkeypatch, settled, hashed):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(checksum, "cache_directory", lambda: tmp_path / "file")
    for _ in range(2):
        assert of_all(files) == EXPECTED
    assert hashed == 2 * list(CONTENTS)


def test_no_home_has_no_effect(files, monkeypatch, settled):
    monkeypatch.setattr(checksum, "cache_directory", lambda: None)
    assert of_all(files) == EXPECTED


@pytest.mark.parametrize(
    ("platform", "variable", "value", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "/somewhere", "/somewhere"),
        ("linux", "XDG_CACHE_HOME", "relative", "/home/me/.cache"),
        ("linux", "XDG_CACHE_HOME", None, "/home/me/.cache"),
        ("darwin", "XDG_CACHE_HOME", None, "/home/me/Library/Caches"),
        ("win32", "LOCALAPPDATA", "/local", "/local"),
        ("win32", "LOCALAPPDATA", None, "/home/me/AppData/Local"),
    ],
)
def test_cache_directories(platform, variable, value, expected, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    monkeypatch.delenv(variable, raising=False)
    if value is not None:
        monkeypatch.setenv(variable, value)
    assert cache_directory() == Path(expected)


def test_without_a_home_there_is_no_cache_directory(monkeypatch):
    def unknown():
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    assert cache_directory() is None


def test_threads_share_a_directory(files, cache, settled):
    found, errors = [], []

    def work():
        try:
            found.extend(of_all(files) for _ in range(20))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(found) == 160
    assert all(one == EXPECTED for one in found)
    assert [path.suffix for path in cache.iterdir()] == [".json"]


def test_missing_files_raise(files, cache):
    with pytest.raises(FileNotFoundError):
        Checksums(files).of("missing", "")
