"""SHA-256 of files, remembered from process to process while the files do not change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from espnet2.utils.atomic import write_atomically

BLOCK = 1 << 18  # bytes that are read at once
SETTLED = 3.0  # seconds after which another change gives another time stamp, on every file system
CACHE = "espnet/checksums"  # in the user's cache directory
KEPT = 90 * 24 * 3600  # seconds after which what is remembered of a directory is removed


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as file:
        while size := file.readinto(block):
            digest.update(block[:size])
    return digest.hexdigest()


def sha256_of(source: Path | bytes) -> str:
    """Hexadecimal SHA-256 of a file, or of contents."""
    return hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else sha256(source)


class Checksums:
    """Hexadecimal SHA-256 of the files in a directory.

    What `remember` wrote to the user's cache directory holds for a file while its size, inode and times stay. A cache
    that cannot be read or written has no effect. Threads and processes may work on the same directory.

    Args:
        directory: Directory of the files.
        again: Read all files, whatever is remembered.
    """

    def __init__(self, directory: str | Path, again: bool = False) -> None:
        self._directory = Path(directory)
        self._store = _store_of(self._directory)
        self._remembered = {} if again else _read(self._store)
        self._found: dict[str, list[int | str]] = {}

    def of(self, name: str, expected: Any = None) -> str:
        """The checksum of a file, which is read unless the `expected` one (None: any) is remembered of it.

        Raises `OSError` for a file that cannot be read.
        """
        path = self._directory / name
        state = state_of(path)
        *before, found = self._remembered.get(name, [""])
        if before != state or expected not in (None, found):
            found = sha256(path)
            if state_of(path) != state or not _settled(state):
                return found
        self._found[name] = [*state, found]
        return str(found)

    def forget(self) -> None:
        """Remove from the cache what is remembered of the directory."""
        with contextlib.suppress(OSError):
            if self._store is not None:
                self._store.unlink(missing_ok=True)

    def remember(self) -> None:
        """Write the checksums that were asked for to the cache, and remove those that are old, of any directory."""
        if self._store is None or not self._found or self._found == self._remembered:
            return
        try:
            with write_atomically(self._store, "w") as file:
                json.dump(self._found, file)
            _remove_old(self._store.parent)
        except OSError:  # read-only or full: the files are read again next time
            return


def cache_directory() -> Path | None:
    """The user's directory for files that can be made again; None where there is none."""
    given = {"win32": "LOCALAPPDATA"}.get(sys.platform, "XDG_CACHE_HOME")
    path = Path(os.environ.get(given) or "")
    if path.is_absolute():
        return path
    try:
        return Path.home() / {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
    except RuntimeError:  # no home is known
        return None


def _store_of(directory: Path) -> Path | None:
    """The file that remembers the checksums of a directory."""
    cache = cache_directory()
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()
    return None if cache is None else cache / CACHE / f"{name}.json"


def _remove_old(cache: Path) -> None:
    """Remove stores that were last written more than `KEPT` seconds ago."""
    for store in cache.glob("*.json"):
        # Another process may have removed it.
        with contextlib.suppress(OSError):
            if time.time() - store.stat().st_mtime > KEPT:
                store.unlink()


def _read(store: Path | None) -> dict[str, list[Any]]:
    """Read a store; empty if it is missing or damaged."""
    try:
        data = json.loads(store.read_text(encoding="utf-8")) if store is not None else {}
    except (OSError, ValueError, RecursionError):
        return {}
    known = isinstance(data, dict) and all(isinstance(entry, list) and entry for entry in data.values())
    return data if known else {}


def state_of(path: Path) -> list[int]:
    """State of a file that changes with it: device, inode, size, times of its last change in nanoseconds."""
    found = os.stat(path)
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _settled(state: list[int]) -> bool:
    return time.time() - max(state[-2:]) / 1e9 > SETTLED
