"""Members of archives that strangers send: every name, kind and declared size is checked before anything is read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from espnet2.interface.errors import ArchiveError, reason_of, shortened
from espnet2.interface.foreign_file import BoundedReads, opened, size_of
from espnet2.interface.limits import hint, limit, may_expand

BLOCK = 1 << 20  # bytes
MOST_AT_ONCE = 1 << 24  # bytes; a header that claims to be longer would be read as a whole
MOST_LISTED = 1 << 22  # bytes of the list of a zip archive's files: 400 for each of those that are allowed
DEEPEST = 32  # folders in each other
COMPRESSED: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


@dataclass(frozen=True)
class Member:
    """File of an archive: its name, its unpacked size in bytes, and a function that opens it."""

    archive: Path
    name: PurePosixPath
    size: int
    open: Callable[[], Any]

    def blocks(self) -> Iterator[bytes]:
        """Its bytes; raises `ArchiveError` where they cannot be read."""
        try:
            with closing(self.open()) as file:
                while block := file.read(BLOCK):
                    yield block
        except Exception as error:  # as in `members`
            raise _damaged(self.archive, error) from error


def members(archive: Path) -> Iterator[Member]:
    """Yield the files of a zip or tar archive, each of which has to be read before the next.

    Raises `ArchiveError` for what is no archive or damaged, for links, devices and encrypted files, for names that
    lead out of a directory, and for more files or bytes than the limits.
    """
    try:
        size = size_of(archive, "MODEL_BYTES")
    except FileNotFoundError as error:
        raise ArchiveError(f"{archive}: expected a packed model, found no such file") from error
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{archive}: expected a packed model, found {reason_of(error)}") from error
    try:
        total = 0
        for count, member in enumerate(_listed(archive)):
            total += 0 if member is None else member.size
            place = "a folder" if member is None else _shown(str(member.name))
            for name, found, unit in (("UNPACKED_FILES", count + 1, "files"), ("UNPACKED_BYTES", total, "bytes")):
                if found > limit(name):
                    most = f"{limit(name)} {unit} unpacked"
                    raise ArchiveError(f"{archive}: expected at most {most}, found more at {place}; {hint(name)}")
            if not may_expand(total, size):
                raise ArchiveError(
                    f"{archive}: expected files that may come from {size} bytes, found {total} bytes at "
                    f"{place}; {hint('EXPANSION')}"
                )
            if member is not None:
                yield member
    except ArchiveError:
        raise
    except Exception as error:  # readers of damaged archives raise whatever their bytes lead them to
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> ArchiveError:
    return ArchiveError(f"{archive}: expected a zip or tar archive that can be read, found: {reason_of(error)}")


def safe_name(name: str, where: str) -> PurePosixPath:
    """Return `name` as a relative path; raises `ArchiveError` when it could lead out of the directory."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or ":" in name or "\0" in name:
        raise ArchiveError(f"{where}: expected relative paths inside the archive, found {_shown(name)}")
    if len(path.parts) > DEEPEST:
        raise ArchiveError(f"{where}: expected at most {DEEPEST} folders in each other, found {_shown(name)}")
    return path


def _listed(archive: Path) -> Iterator[Member | None]:
    """Files of an archive, and None for each folder."""
    with _tar(archive) as tar:  # asked first: at its end it may have a checkpoint, which is a zip archive
        if tar is not None:
            yield from (None if info.isdir() else _tar_member(archive, tar, info) for info in tar)
            return
    if not zipfile.is_zipfile(archive):
        raise ArchiveError(f"{archive}: expected a zip or tar archive, found something else")
    with opened(archive, "MODEL_BYTES") as stream, zipfile.ZipFile(BoundedReads(stream, MOST_LISTED)) as file:
        yield from (None if info.is_dir() else _zip_member(archive, file, info) for info in file.infolist())


@contextmanager
def _tar(archive: Path) -> Iterator[tarfile.TarFile | None]:
    """Open a tar archive, compressed or not; None for another file."""
    with archive.open("rb") as start:
        unpacked = COMPRESSED.get(start.read(2), lambda path: path.open("rb"))
    with unpacked(archive) as stream:
        try:
            most = max(limit("EXPANDED_BYTES"), limit("EXPANSION") * archive.stat().st_size)
            tar = tarfile.TarFile(fileobj=BoundedReads(stream, MOST_AT_ONCE, most))  # type: ignore[arg-type]
        except tarfile.TarError:
            yield None
            return
        with tar:
            yield tar


def _zip_member(archive: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16  # Unix permissions and kind, 0 where the archive was made elsewhere
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise ArchiveError(f"{archive}: expected files only, found a link or device, {_shown(info.filename)}")
    return Member(archive, safe_name(info.filename, str(archive)), info.file_size, lambda: file.open(info))


def _tar_member(archive: Path, file: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    if not info.isreg():
        raise ArchiveError(f"{archive}: expected files only, found a link or device, {_shown(info.name)}")
    return Member(archive, safe_name(info.name, str(archive)), info.size, lambda: file.extractfile(info))


def _shown(name: str) -> str:
    return shortened(repr(name), 80)
