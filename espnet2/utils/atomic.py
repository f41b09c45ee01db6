"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PARTIAL = ".partial-"  # what names of unfinished files begin with


@contextmanager
def write_atomically(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """A file to write to, which becomes `path` when all has been written and has reached the disk.

    Where an exception or a crash comes in between, a file that was at `path` stays as it is.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    with tempfile.NamedTemporaryFile(
        mode, encoding=encoding, dir=path.parent, prefix=f"{PARTIAL}{path.name}-", delete=False
    ) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    os.chmod(file.name, 0o666 & ~_umask())
    os.replace(file.name, path)


def _umask() -> int:
    """Permissions that new files lack; a temporary file starts with fewer."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def link_atomically(path: str | Path, target: str) -> None:
    """Let `path` be a link to the file `target` beside it, or a copy where the file system has no links."""
    path = Path(path)
    temporary = path.with_name(f"{PARTIAL}{path.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(target)
    except OSError:
        shutil.copyfile(path.with_name(target), temporary)
    os.replace(temporary, path)


def remove_partial(directory: str | Path) -> None:
    """Remove what a process that was killed has left behind in a directory."""
    for path in Path(directory).glob(f"{PARTIAL}*"):
        path.unlink(missing_ok=True)
