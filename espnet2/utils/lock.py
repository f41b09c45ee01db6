"""Locks that end with the process that holds them, even if it is killed."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from espnet2.interface.errors import DataError

HAS_NONE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # errors of file systems without locks

_HELD: set[int] = set()  # open files of locks


def _leave_to_parent() -> None:
    """Close, in a forked process, the locks of the one that it was forked from, so that they end with that."""
    for descriptor in _HELD:
        os.close(descriptor)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def try_lock(descriptor: int, unsupported: bool = True) -> bool:
    """Try to lock an open file for this process; return whether that succeeded, `unsupported` without locks."""
    try:
        if os.name == "nt":
            msvcrt = importlib.import_module("msvcrt")
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl = importlib.import_module("fcntl")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in HAS_NONE:
            raise
        return unsupported
    return True


@contextmanager
def only_one(directory: Path, what: str) -> Iterator[None]:
    """Make a directory, and lock it against other writers until the block ends.

    Raises:
        DataError: Another process, doing `what`, writes there.
        OSError: The directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / ".lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    _HELD.add(descriptor)
    try:
        # The previous holder may have removed the file; a lock on a removed file excludes nobody.
        if not try_lock(descriptor) or not path.exists() or not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise DataError(f"{directory}: expected no other {what} that writes there, found one that is running")
        try:
            yield
        finally:
            with suppress(PermissionError):  # Windows cannot remove open files
                if descriptor in _HELD:
                    path.unlink(missing_ok=True)
    finally:
        if descriptor in _HELD:
            _HELD.discard(descriptor)
            os.close(descriptor)
