"""Opening of files that strangers send: what is no file, has no end, or is too large is refused before it is read."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from espnet2.interface.errors import EspnetError, reason_of
from espnet2.interface.limits import hint, limit

PAUSE = 0.02  # seconds between looks at a pipe to which nobody has written yet
BLOCK = 1 << 20  # bytes


@contextmanager
def open_foreign(
    path: str | Path, expected: str, error_type: type[EspnetError], largest: str, shown: str | None = None
) -> Iterator[BinaryIO]:
    """Open a file, or a pipe, for reading bytes.

    Args:
        path: The file.
        expected: Expected content, for messages.
        error_type: Class of the errors.
        largest: Name of the limit of its bytes, one of `espnet2.interface.limits.LIMITS`.
        shown: The file's name in messages, if it differs from `path`.

    Raises `error_type` for a device, a socket, a directory, a named pipe to which no program writes, a file that is
    too large, and for errors of the system, also those while it is read.
    """
    shown = str(path) if shown is None else shown
    try:
        with opened(path, largest) as file:
            yield file
    except (OSError, ValueError) as error:
        if isinstance(error, EspnetError | UnicodeError):
            raise
        raise error_type(f"{shown}: expected {expected}, found {reason_of(error)}") from error


def read_foreign(
    path: str | Path, expected: str, error_type: type[EspnetError], largest: str, shown: str | None = None
) -> bytes:
    """The bytes of a file; raises `error_type` as `open_foreign` does, also for a pipe that gives too many."""
    shown = str(path) if shown is None else shown
    with open_foreign(path, expected, error_type, largest, shown) as file:
        return read_bounded(file, expected, error_type, largest, shown)


def read_bounded(file: BinaryIO, expected: str, error_type: type[EspnetError], largest: str, shown: str) -> bytes:
    """The bytes of an open file, which may be endless; raises `error_type` for more than the limit `largest`."""
    most, found = limit(largest), bytearray()
    while block := file.read(min(BLOCK, most + 1 - len(found))):
        found += block
    if len(found) > most:
        raise error_type(f"{shown}: expected {expected}, found {_too_large(largest)}")
    return bytes(found)


class BoundedReads:
    """An open file for readers that believe declared sizes.

    `read` raises `ValueError` for more than `at_once` bytes, and once more than `altogether` have been read.
    """

    def __init__(self, file: Any, at_once: int, altogether: int | None = None) -> None:
        self._file, self._at_once, self._altogether = file, at_once, altogether
        self._read = 0
        self.seek, self.tell, self.close, self.seekable = file.seek, file.tell, file.close, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read bytes, all of them where no size is given."""
        found: bytes = self._file.read(size if 0 <= size <= self._at_once else self._at_once + 1)
        if max(size, len(found)) > self._at_once:
            raise ValueError(f"{max(size, len(found))} bytes to be read at once")
        self._read += len(found)
        if self._altogether is not None and self._read > self._altogether:
            raise ValueError(f"more than {self._altogether} bytes in all; {hint('EXPANSION')}")
        return found


def require_file(
    path: str | Path, expected: str, error_type: type[EspnetError], largest: str, shown: str | None = None
) -> int:
    """Raise `error_type` unless a path is that of a file of allowed size; return its bytes.

    For libraries that open files themselves, and that a device or pipe would keep for ever.
    """
    try:
        return size_of(path, largest)
    except (OSError, ValueError) as error:
        shown = str(path) if shown is None else shown
        raise error_type(f"{shown}: expected {expected}, found {reason_of(error)}") from error


def size_of(path: str | Path, largest: str) -> int:
    """The bytes of a file; raises `OSError`, or `ValueError` for a device, a pipe, or more than the limit `largest`."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(_kind(found.st_mode))
    _require_size(found, largest)
    return found.st_size


def opened(path: str | Path, largest: str) -> BinaryIO:
    """Open a file as `open_foreign` does; raises `OSError`, or `ValueError` with what was found."""
    found = os.stat(path)
    if stat.S_ISFIFO(found.st_mode):
        return _pipe(path)
    _require_size(found, largest)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode) and not os.path.samestat(found, os.stat(os.devnull)):
        raise ValueError(_kind(found.st_mode))
    return open(path, "rb")


def _pipe(path: str | Path) -> BinaryIO:
    """Open a pipe once a program writes to it; to open a named one without such a program would wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        start = _first_bytes(descriptor)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return io.BufferedReader(_Pipe(descriptor, start))


def _first_bytes(descriptor: int) -> bytes:
    """The first bytes of a pipe, none where a program is there that has not written yet.

    Raises `ValueError` where there is no such program.
    """
    deadline = time.monotonic() + limit("PIPE_SECONDS")
    while True:
        try:
            found = os.read(descriptor, BLOCK)
        except BlockingIOError:
            return b""
        if found or _has_ended(descriptor):
            return found
        if time.monotonic() > deadline:
            raise ValueError("a named pipe to which no program writes")
        time.sleep(PAUSE)


def _has_ended(descriptor: int) -> bool:
    """Whether a program has written to a pipe, and has closed it."""
    watch = select.poll()
    watch.register(descriptor, select.POLLIN)
    return any(event & select.POLLHUP for _, event in watch.poll(0))


class _Pipe(io.RawIOBase):
    """An open pipe, and the bytes that have been read of it already."""

    def __init__(self, descriptor: int, start: bytes) -> None:
        self._descriptor, self._start = descriptor, start

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes, 0 at the end."""
        found = self._start[: len(buffer)] or os.read(self._descriptor, len(buffer))
        self._start = self._start[len(found) :]
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the pipe."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _require_size(found: os.stat_result, largest: str) -> None:
    if stat.S_ISREG(found.st_mode) and found.st_size > limit(largest):
        raise ValueError(_too_large(largest))


def _too_large(largest: str) -> str:
    return f"more than {limit(largest)} bytes; {hint(largest)}"


KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "something else")
