"""Opening the graphs of a bundle in threads, while the checksums of its files are compared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from espnet2.fileio.checksum import Checksums
from espnet2.interface.errors import BundleError, reason_of
from espnet2.runtime.bundle_replacement import MANIFEST

Opened = TypeVar("Opened")


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_checked(
    directory: Path,
    entries: Iterable[Mapping[str, Any]],
    jobs: Mapping[str, Callable[[], Opened]],
    again: bool = False,
) -> dict[str, Opened]:
    """Run jobs and compare files with their checksums, all in threads; return the results of the jobs.

    onnxruntime parses graphs before their checksums are known; where one differs, what was opened is discarded. A
    checksum tells damage, not malice: whoever makes a bundle also writes its checksums.

    Args:
        directory: The bundle.
        entries: `{file, sha256}` of each file.
        jobs: Functions that open graphs, by name.
        again: Read files of which an earlier process found the checksum, too.

    Raises:
        BundleError: A file is missing or has another checksum, which explains whatever jobs raise; else the first
            error of a job.
    """
    from concurrent.futures import ThreadPoolExecutor

    checksums = Checksums(directory, again)
    with ThreadPoolExecutor(available_cores()) as pool:
        running = {name: pool.submit(job) for name, job in jobs.items()}
        checking = [pool.submit(_check, directory, entry, checksums) for entry in entries]
    try:
        for check in checking:
            check.result()
    except BundleError:
        checksums.forget()
        raise
    checksums.remember()
    return {name: job.result() for name, job in running.items()}


def _check(directory: Path, entry: Mapping[str, Any], checksums: Checksums) -> None:
    path, expected = directory / entry["file"], entry.get("sha256")
    if expected is None:
        raise BundleError(f"{directory / MANIFEST}: {entry['file']}: expected its sha256, found none")
    if not path.is_file():
        raise BundleError(f"{path}: expected a file that {MANIFEST} lists, found none")
    try:
        found = checksums.of(entry["file"], expected)
    except OSError as error:
        raise BundleError(f"{path}: expected a file that can be read, found: {reason_of(error)}") from error
    if found != expected:
        raise BundleError(f"{path}: expected sha256 {expected}, found {found}; the file has changed")
