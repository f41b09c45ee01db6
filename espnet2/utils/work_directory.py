"""Temporary directories that no other process has, and that are removed even if their process is killed."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from espnet2.utils.atomic import umask
from espnet2.utils.lock import try_lock

ENDING = ".work"


@contextmanager
def work_directory(parent: Path | str, name: str) -> Iterator[Path]:
    """Make a directory in `parent`, lock it for this process, and remove it when the block ends.

    Those of the same `name` that killed processes left are removed first, from the directories above, too, where they
    were made if `parent` did not exist yet. What is at its path when the block ends is removed with all that is in it,
    unless it is another directory by then.

    Raises:
        OSError: It cannot be made.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    for place in (parent, *parent.absolute().parents):
        remove_abandoned(place, name)
    path, descriptor = _made(parent, name)
    made = os.stat(path)
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            if os.path.samestat(made, os.stat(path)):
                remove_tree(path)
        if descriptor is not None:
            os.close(descriptor)


def remove_abandoned(parent: Path | str, name: str) -> None:
    """Remove the directories of `work_directory` in `parent` whose processes were killed."""
    for found in glob.glob(os.path.join(glob.escape(str(parent)), f".{glob.escape(name)}.*{ENDING}")):
        path = Path(found)
        descriptor = _locked(path, unsupported=False)
        if descriptor is not None:
            remove_tree(path)
            os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a directory, however deep it is; what cannot be removed stays."""
    with suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)


def _made(parent: Path, name: str) -> tuple[Path, int | None]:
    """A new directory and its lock, which another process may take just before, to remove it."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=ENDING, dir=parent))
        descriptor = _locked(path, unsupported=True)
        if path.is_dir() and (descriptor is not None or os.name == "nt"):
            path.chmod(0o777 & ~umask())
            return path, descriptor


def _locked(path: Path, unsupported: bool) -> int | None:
    """Lock a directory of this user; None where another process has locked it, or where there are no locks, unless
    `unsupported`."""
    if os.name == "nt":  # which locks no directories
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    if os.fstat(descriptor).st_uid == os.getuid() and try_lock(descriptor, unsupported):
        return descriptor
    os.close(descriptor)
    return None
