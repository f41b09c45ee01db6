"""Download of corpora: an archive is fetched once, checked for unsafe members, and unpacked atomically."""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
import urllib.request
from pathlib import Path

from espnet2.interface.errors import ArchiveError, reason_of
from espnet2.utils.work_directory import work_directory

_log = logging.getLogger(__name__)


def download(url: str, directory: Path | str, holds: str) -> Path:
    """Fetch and unpack a tar archive below `directory`, unless `directory/holds` exists; returns that path.

    The top level of the archive is moved to `directory` when all of it is unpacked, and merged into existing
    directories.

    Raises:
        ArchiveError: It cannot be fetched or unpacked, has members outside of the archive, or lacks `holds`.
    """
    root = Path(directory)
    wanted = root / holds
    if wanted.exists():
        return wanted
    root.mkdir(parents=True, exist_ok=True)
    with work_directory(root, "download") as work:
        archive, unpacked = work / "archive", work / "unpacked"
        _log.info("fetching %s", url)
        try:
            with urllib.request.urlopen(url) as response, archive.open("wb") as file:
                shutil.copyfileobj(response, file, 1 << 20)
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
        except Exception as error:  # tarfile raises what the bytes of a damaged archive lead it to
            raise ArchiveError(f"{url}: expected a tar archive to download, found: {reason_of(error)}") from error
        if not (unpacked / holds).exists():
            raise ArchiveError(f"{url}: expected an archive that holds {holds}, found none")
        _move_into(unpacked, root)
    return wanted


def _move_into(source: Path, target: Path) -> None:
    """Move the contents of a directory to another, and merge existing directories."""
    for path in sorted(source.iterdir()):
        place = target / path.name
        if path.is_dir() and place.is_dir():
            _move_into(path, place)
        else:
            os.replace(path, place)
