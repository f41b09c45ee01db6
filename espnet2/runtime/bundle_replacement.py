"""A bundle that takes the place of another, and reading one while that may happen."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from espnet2.interface.errors import BundleError, EspnetError, reason_of
from espnet2.utils.atomic import exchange
from espnet2.utils.work_directory import remove_tree

MANIFEST = "bundle.yaml"
ATTEMPTS = 100  # to read a bundle that is replaced meanwhile
OLD = ".old"  # ending of the name of a directory that is being replaced

_log = logging.getLogger(__name__)

Read = TypeVar("Read")


def read_as_one(path: str | Path, read: Callable[[], Read]) -> Read:
    """Return what `read` gives of a bundle's files, all of one bundle, also while another takes its place."""
    for _ in range(ATTEMPTS):
        before = identity_of(path)
        try:
            found = read()
        except EspnetError:
            if identity_of(path) == before:
                raise
        else:
            if identity_of(path) == before:
                return found
    raise BundleError(f"{path}: expected a bundle that stays, found one that was replaced {ATTEMPTS} times meanwhile")


def identity_of(path: str | Path) -> tuple[int, int, int] | None:
    """Identity of a bundle, which tells it from one that takes its place; None where there is none."""
    try:
        found = os.stat(Path(path) / MANIFEST)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def replaceable(path: str | Path, error_type: type[EspnetError]) -> Path:
    """The directory that `path` leads to, which may be made or replaced; raises `error_type` for one that cannot be."""
    try:
        target = Path(path).resolve()
        place = next((parent for parent in target.parents if parent.exists()), None)
    except (OSError, RuntimeError, ValueError) as error:  # links that lead in a circle
        raise error_type(f"{path}: expected a directory that can be written, found: {reason_of(error)}") from error
    if place is None or os.path.ismount(target):
        raise error_type(f"{path}: expected a directory that can be replaced, found a whole file system")
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise error_type(f"{path}: expected a directory that can be written, found {place}, which cannot")
    return target


def replace(temporary: Path, target: Path, own: Iterable[str]) -> None:
    """Rename `temporary` to `target`; what was there before goes last, and comes back if that fails.

    Of that, the files `own`, which may be in directories, are removed. Where there are others, they are kept in a
    directory beside it.

    Where the system cannot exchange two names, there is a moment without a bundle.
    """
    if target.exists() and exchange(temporary, target):
        _discard(temporary, target, own)
        return
    old = target.with_name(f".{target.name}.{secrets.token_hex(8)}{OLD}")
    existed = target.exists()
    if existed:
        target.rename(old)
    try:
        temporary.rename(target)
    except BaseException:
        if existed:
            old.rename(target)
        raise
    if existed:
        _discard(old, target, own)


def restore(target: Path) -> None:
    """Bring back what a process that was killed in the middle of `replace` had renamed, and remove what it left."""
    for old in target.parent.glob(f".{glob.escape(target.name)}.*{OLD}"):
        if target.exists():
            remove_tree(old)
        else:
            old.rename(target)


def _discard(old: Path, target: Path, own: Iterable[str]) -> None:
    """Remove the files of a replaced directory, and that itself where nothing else is in it."""
    for name in own:
        with contextlib.suppress(OSError):
            (old / name).unlink()
    for parent in sorted({parent for name in own for parent in Path(name).parents if parent.name}, reverse=True):
        with contextlib.suppress(OSError):
            (old / parent).rmdir()
    try:
        old.rmdir()
    except OSError:
        kept = target.with_name(f"{target.name}.kept-{secrets.token_hex(4)}")
        old.rename(kept)
        _log.warning("%s: kept, since these files came into %s while it was replaced", kept, target)
