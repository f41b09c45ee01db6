"""Atomic writing and replacing of files."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from espnet2.utils.lock import try_lock

PARTIAL = ".partial-"  # prefix of unfinished files' names
LONGEST = 40  # characters of a file's name in that of the unfinished one


@contextmanager
def write_atomically(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Open a file for writing that is renamed to `path` when it is complete and on disk.

    After an exception or a crash, an existing file at `path` is unchanged. A device, such as `/dev/null`, is written
    to as it is.

    Raises:
        OSError: It cannot be written, or `path` is a named pipe, a socket or a disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    if _is_device(path):
        with open(path, mode, encoding=encoding) as file:
            yield file
        return
    with _partial(path, mode, encoding) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o666 & ~umask())
            os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):  # an interrupt behind the renaming
                os.unlink(file.name)
            raise


def _is_device(path: Path) -> bool:
    """Whether a path is a character device; raises `OSError` for what is neither that nor a file or a directory."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISCHR(mode)):
        raise OSError(errno.EINVAL, "expected a file, found a pipe, a socket or a disk", str(path))
    return stat.S_ISCHR(mode)


def _partial(path: Path, mode: str, encoding: str | None) -> Any:
    """An unfinished file beside `path`, which this process has locked, so that no other one removes it."""
    while True:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115
            mode, encoding=encoding, dir=path.parent, prefix=f"{PARTIAL}{path.name[:LONGEST]}-", delete=False
        )
        if os.name == "nt" or (try_lock(file.fileno()) and os.path.exists(file.name)):
            return file
        file.close()


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, as `write_atomically` does; what has no UTF-8 becomes an escape."""
    with write_atomically(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def umask() -> int:
    """The process's umask, since temporary files are created with fewer permissions."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def link_atomically(path: str | Path, target: str) -> None:
    """Make `path` a link to the file `target` beside it, or a copy if the file system has no links."""
    path = Path(path)
    temporary = path.with_name(f"{PARTIAL}{path.name[:LONGEST]}-{secrets.token_hex(8)}")
    try:
        try:
            temporary.symlink_to(target)
        except OSError:
            shutil.copyfile(path.with_name(target), temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


# Name of the C library's function that exchanges two names, and its arguments before, between and after the names.
AT_WORKING_DIRECTORY, RENAME_EXCHANGE, RENAME_SWAP = -100, 2, 2
EXCHANGES: dict[str, Callable[[Any, bytes, bytes], int]] = {
    "linux": lambda libc, one, other: libc.renameat2(
        AT_WORKING_DIRECTORY, one, AT_WORKING_DIRECTORY, other, RENAME_EXCHANGE
    ),
    "darwin": lambda libc, one, other: libc.renamex_np(one, other, RENAME_SWAP),
}


def exchange(one: str | Path, other: str | Path) -> bool:
    """Exchange the names of two existing files or directories atomically.

    Python's standard library lacks this call, which Linux and macOS have. Returns False, and changes nothing, if the
    system or the file system does not support it.
    """
    call = EXCHANGES.get(sys.platform)
    if call is None:
        return False
    try:
        return call(ctypes.CDLL(None), os.fsencode(one), os.fsencode(other)) == 0
    except AttributeError:  # missing in older C libraries
        return False


def remove_partial(directory: str | Path, below: bool = True) -> None:
    """Remove unfinished files of killed processes from a directory and, with `below`, from all in it."""
    for parent, directories, files in os.walk(directory):
        if not below:
            directories.clear()
        for path in (Path(parent, name) for name in files if name.startswith(PARTIAL)):
            with contextlib.suppress(OSError):
                if path.is_file() and _is_abandoned(path):
                    path.unlink(missing_ok=True)


def _is_abandoned(path: Path) -> bool:
    """Whether no process has locked a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.name == "nt" or try_lock(descriptor)
    finally:
        os.close(descriptor)
